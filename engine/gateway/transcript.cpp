#include "engine/gateway/transcript.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace troupe {
namespace {

std::int64_t count_characters(std::string_view bytes) {
  return std::ranges::count_if(
      bytes, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; });
}

template <class T>
std::vector<T> slice(const std::vector<T>& list, std::int32_t begin, std::int32_t end) {
  return {list.begin() + begin, list.begin() + end};
}

}  // namespace

void Transcript::append(const Delta& delta) {
  const auto places = num_places() + troupe::num_places(delta);
  whole_.text += delta.text;
  whole_.tokens.insert(whole_.tokens.end(), delta.tokens.begin(), delta.tokens.end());
  whole_.logprobs.insert(whole_.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
  for (const auto& position : delta.logprobs) {
    num_logprobs_ += 1 + position.top.size();
  }
  marks_.push_back({places, static_cast<std::int32_t>(whole_.tokens.size()), whole_.text.size()});
}

std::int32_t Transcript::num_places() const {
  return marks_.empty() ? 0 : marks_.back().num_places;
}

Delta Transcript::between(const Mark& begin, const Mark& end) const {
  Delta delta;
  delta.text = whole_.text.substr(begin.text_bytes, end.text_bytes - begin.text_bytes);
  delta.tokens = slice(whole_.tokens, begin.num_tokens, end.num_tokens);
  if (!whole_.logprobs.empty()) {
    delta.logprobs = slice(whole_.logprobs, begin.num_tokens, end.num_tokens);
  }
  return delta;
}

Result<Transcript::Rest> Transcript::after(std::int32_t num_places) const {
  if (num_places < 0 || num_places > this->num_places()) {
    return fail(ErrorCode::invalid_value,
                "the stream has " + std::to_string(this->num_places()) +
                    " places so far, it cannot be taken up after " + std::to_string(num_places),
                "from");
  }
  auto next = std::ranges::upper_bound(marks_, num_places, {}, &Mark::num_places);
  auto begin = next == marks_.begin() ? Mark{} : *(next - 1);
  Rest rest;
  rest.skipped.num_places = begin.num_places;
  rest.skipped.num_tokens = begin.num_tokens;
  if (!whole_.logprobs.empty()) {
    for (const auto& position : slice(whole_.logprobs, 0, begin.num_tokens)) {
      rest.skipped.num_characters += count_characters(position.sampled.bytes);
    }
  }
  while (next != marks_.end()) {
    auto last = next;
    // Text without tokens stays a delta of its own: it has a place that merging would lose.
    if (next->num_tokens > begin.num_tokens) {
      while (last + 1 != marks_.end() && (last + 1)->num_tokens > last->num_tokens) {
        ++last;
      }
    }
    rest.deltas.push_back(between(begin, *last));
    begin = *last;
    next = last + 1;
  }
  return rest;
}

std::size_t Transcript::num_bytes() const {
  return sizeof(*this) + whole_.text.size() + whole_.tokens.size() * sizeof(TokenId) +
         marks_.size() * sizeof(Mark) + num_logprobs_ * sizeof(TokenLogprob);
}

}  // namespace troupe
