#include "actors/text_actor.h"

#include "engine/text/prompt_encoder.h"
#include "engine/text/tokenizer.h"

#include <chrono>
#include <utility>

namespace troupe {
namespace {

WallTime now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

caf::behavior text_actor(caf::event_based_actor* self,
                         const std::shared_ptr<const PromptEncoder>& encoder,
                         const std::shared_ptr<const Tokenizer>& tokenizer) {
  set_house_rules(self, "text");
  return {
      [encoder](const EncodePrompt& encode) {
        return EncodedPrompt{encoder->encode(*encode.prompt, now())};
      },
      [encoder](const Tokenize& call) { call.done(encoder->encode(call.prompt, now())); },
      [tokenizer](const Detokenize& call) {
        call.done(tokenizer->decode(call.tokens, SpecialTokens::keep));
      },
  };
}

}  // namespace troupe
