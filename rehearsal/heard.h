// What one client heard, and in which order.
#pragma once

#include "engine/api/event.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace troupe::rehearsal {

struct Heard {
  std::int32_t num_accepted = 0;
  std::vector<TokenId> tokens;
  std::string text;
  std::vector<Finished> finished;
  std::vector<Failed> failed;
  bool after_end = false;  // something came after the end

  [[nodiscard]] std::size_t num_ends() const { return finished.size() + failed.size(); }

  void hear(Event event) {
    after_end = after_end || num_ends() > 0;
    if (std::holds_alternative<Accepted>(event)) {
      ++num_accepted;
    } else if (auto* delta = std::get_if<Delta>(&event)) {
      tokens.insert(tokens.end(), delta->tokens.begin(), delta->tokens.end());
      text += delta->text;
    } else if (auto* end = std::get_if<Finished>(&event)) {
      finished.push_back(std::move(*end));
    } else {
      failed.push_back(std::get<Failed>(std::move(event)));
    }
  }
};

}  // namespace troupe::rehearsal
