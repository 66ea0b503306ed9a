// What a company of actors is made from. Plain values: no CAF type, so that those who only wire
// the house together need not know it.
#pragma once

#include "engine/api/engine_config.h"
#include "engine/api/request.h"
#include "engine/base/time.h"
#include "engine/gateway/finished_store.h"
#include "engine/step/backend.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

class PromptEncoder;
class Tokenizer;

/// One company: a gateway and its engines, all serving one model.
struct CompanyParts {
  ModelCard model;
  EngineConfig engine;     // `num_blocks` and `block_size` are taken from each engine's backend
  BackendFactory backend;  // called once for each engine, and again after a loss
  std::int32_t num_engines = 1;
  std::shared_ptr<const PromptEncoder> encoder;
  std::shared_ptr<const Tokenizer> tokenizer;
  RestartIntensity restarts;
  FinishedLimits completed;  // how long and how many results of ended requests are kept
  std::int32_t num_text_actors = 1;
  /// Records what goes into the engine to this new file, the tokens of its requests included; that
  /// of engine 1 goes to `<file>.1`, and so on. Empty: nothing is recorded.
  std::string record;
  std::uint64_t seed = 0;  // of requests that bring none
  std::string metrics_prefix = "troupe:";
};

}  // namespace troupe
