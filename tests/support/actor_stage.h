// The stage of rehearsals under the names that the tests of the actors use.
#pragma once

#include "rehearsal/actor_stage.h"
#include "rehearsal/heard.h"

namespace troupe {

using rehearsal::ActorStage;
using rehearsal::Heard;

}  // namespace troupe
