// The mailbox round the tokenizer and the chat template, on a thread of its own, so that a long
// prompt stalls nobody.
#pragma once

#include "actors/caf_compat.h"
#include "actors/messages.h"

#include <memory>

namespace troupe {

class PromptEncoder;
class Tokenizer;

caf::behavior text_actor(caf::event_based_actor* self,
                         const std::shared_ptr<const PromptEncoder>& encoder,
                         const std::shared_ptr<const Tokenizer>& tokenizer);

}  // namespace troupe
