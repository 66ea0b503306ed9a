#include "transport/choice_state.h"

#include <iterator>
#include <type_traits>
#include <variant>

namespace troupe::transport {
namespace {

std::size_t size_of(const Delta& delta) {
  auto bytes = delta.text.size() + delta.tokens.size() * sizeof(TokenId);
  for (const auto& position : delta.logprobs) {
    bytes += (1 + position.top.size()) * sizeof(TokenLogprob);
  }
  return bytes;
}

template <class T>
void append(std::vector<T>& list, std::vector<T>&& more) {
  list.insert(list.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

}  // namespace

void ChoiceState::put(Event event) {
  if (ended()) {
    return;
  }
  std::visit(
      [this](auto happened) {
        using Kind = decltype(happened);
        if constexpr (std::is_same_v<Kind, Accepted>) {
          accepted_ = happened;
          num_output_tokens_ += happened.skipped.num_tokens;
        } else if constexpr (std::is_same_v<Kind, Delta>) {
          merge(std::move(happened));
        } else if constexpr (std::is_same_v<Kind, Finished>) {
          finished_ = std::move(happened);
        } else {
          failed_ = std::move(happened);
        }
      },
      std::move(event));
}

void ChoiceState::merge(Delta more) {
  held_bytes_ += size_of(more);
  num_output_tokens_ += static_cast<std::int32_t>(more.tokens.size());
  delta_places_ += num_places(more);
  if (!has_delta_) {
    delta_ = std::move(more);
    has_delta_ = true;
    return;
  }
  delta_.text += more.text;
  append(delta_.tokens, std::move(more.tokens));
  append(delta_.logprobs, std::move(more.logprobs));
}

Delta ChoiceState::take_delta() {
  has_delta_ = false;
  held_bytes_ = 0;
  delta_places_ = 0;
  return std::exchange(delta_, Delta());
}

}  // namespace troupe::transport
