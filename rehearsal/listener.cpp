#include "rehearsal/listener.h"

#include "actors/caf_door.h"

#include <utility>

namespace troupe::rehearsal {

caf::behavior listener(caf::event_based_actor* self,
                       const caf::actor& company,
                       const std::shared_ptr<const GenerateRequest>& request,
                       std::shared_ptr<EventSink> sink) {
  set_house_rules(self, "listener");
  self->monitor(company);
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  self->send(company, Generate{request, caf::actor(self)});
  return {
      [sink](GenerateReply& reply) {
        if (!reply.request) {
          sink->deliver(Failed{std::move(reply.request).error()});
        }
      },
      [self, sink](const RequestEvent& heard) {
        sink->deliver(*heard.event);
        if (std::holds_alternative<Finished>(*heard.event) ||
            std::holds_alternative<Failed>(*heard.event)) {
          self->quit();
        }
      },
  };
}

}  // namespace troupe::rehearsal
