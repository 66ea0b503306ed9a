#include "actors/text_actor.h"

#include "engine/text/prompt_encoder.h"
#include "engine/text/tokenizer.h"

#include <utility>

namespace troupe {

caf::behavior text_actor(caf::event_based_actor* self,
                         std::shared_ptr<const PromptEncoder> encoder,
                         std::shared_ptr<const Tokenizer> tokenizer) {
  set_house_rules(self, "text");
  return {
      [encoder](const EncodePrompt& encode) {
        return EncodedPrompt{encoder->encode(*encode.prompt)};
      },
      [encoder](const Tokenize& call) { call.done(encoder->encode(call.prompt)); },
      [tokenizer](const Detokenize& call) {
        call.done(tokenizer->decode(call.tokens, SpecialTokens::keep));
      },
  };
}

}  // namespace troupe
