// See content_guard.h.
#include "engine/text/content_guard.h"

#include "engine/text/utf8.h"

#include <optional>

namespace troupe {

namespace {

constexpr std::size_t kStandInBytes = 3;

std::size_t character_size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The code point of the three bytes at `at`, if three bytes are there and begin like one of the
/// private-use characters (0xEE or 0xEF).
std::optional<std::size_t> three_bytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  if (at + kStandInBytes > text.size() || (byte(0) != 0xEE && byte(0) != 0xEF)) {
    return std::nullopt;
  }
  return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
}

}  // namespace

void ContentGuard::note(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto code = three_bytes(text, at);
    if (code && *code >= kFirst && *code < kFirst + kCount) {
      used_.set(*code - kFirst);
    }
  }
}

Result<std::string> ContentGuard::stand_in_for(const std::string& original) {
  if (const auto known = stand_ins_.find(original); known != stand_ins_.end()) {
    return known->second;
  }
  std::size_t index = 0;
  while (index < kCount && used_.test(index)) {
    ++index;
  }
  if (index == kCount) {
    return fail(ErrorCode::invalid_value,
                "messages hold a special token's text and every private-use character", "messages");
  }
  used_.set(index);
  std::string stand_in = utf8_of(static_cast<char32_t>(kFirst + index));
  stand_ins_.emplace(original, stand_in);
  originals_.emplace(stand_in, original);
  return stand_in;
}

Result<std::string> ContentGuard::hide(std::string_view content,
                                       const std::vector<std::size_t>& marks) {
  std::string hidden;
  std::size_t begin = 0;
  for (const std::size_t mark : marks) {
    const std::size_t size = character_size(content[mark]);
    auto stand_in = stand_in_for(std::string(content.substr(mark, size)));
    if (!stand_in) {
      return pass(std::move(stand_in));
    }
    hidden += content.substr(begin, mark - begin);
    hidden += *stand_in;
    begin = mark + size;
  }
  hidden += content.substr(begin);
  return hidden;
}

GuardedText ContentGuard::reveal(std::string_view rendered) const {
  GuardedText guarded;
  guarded.text.reserve(rendered.size());
  for (std::size_t at = 0; at < rendered.size();) {
    const auto original = three_bytes(rendered, at)
                              ? originals_.find(rendered.substr(at, kStandInBytes))
                              : originals_.end();
    if (original == originals_.end()) {
      guarded.text += rendered[at++];
      continue;
    }
    guarded.plain_at.push_back(guarded.text.size());
    guarded.text += original->second;
    at += kStandInBytes;
  }
  return guarded;
}

}  // namespace troupe
