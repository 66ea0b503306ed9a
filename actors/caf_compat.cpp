#include "actors/caf_compat.h"

#include "actors/caf_door.h"
#include "actors/messages.h"
#include "engine/base/log.h"

#include <utility>

namespace troupe {

std::string describe(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

void set_house_rules(caf::scheduled_actor* self, const char* name) {
  self->set_default_handler(
      [name](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
        log::warning("unexpected_message", {{"actor", name}});
        return caf::message{};
      });
  self->set_down_handler([](caf::scheduled_actor*, caf::down_msg&) {
    // Those who watch others set a handler of their own after this one.
  });
  self->set_exception_handler([name](caf::scheduled_actor*, std::exception_ptr& exception) {
    auto what = describe(exception);
    log::error("actor_failed", {{"actor", name}, {"what", what}});
    return caf::make_error(caf::sec::runtime_error, std::move(what));
  });
}

void configure(caf::actor_system_config& config) {
  // Idle threads of the default policy poll; `sharing` sleeps on a condition variable.
  config.set("scheduler.policy", caf::atom("sharing"));
  // Handlers run for microseconds; everything that computes or blocks has a thread of its own.
  constexpr std::size_t kPoolThreads = 2;
  constexpr std::size_t kMessagesInARow = 64;  // so that one busy actor does not keep a thread
  config.set("scheduler.max-threads", kPoolThreads);
  config.set("scheduler.max-throughput", kMessagesInARow);
  config.add_message_types<caf::id_block::troupe>();
}

}  // namespace troupe
