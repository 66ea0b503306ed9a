#include "transport/request_terms.h"

#include "transport/field_reader.h"
#include "transport/limits.h"
#include "transport/request_names.h"

#include <chrono>
#include <utility>

namespace troupe::transport {
namespace {

struct Tier {
  std::string_view name;
  std::string_view served;  // as the answer calls it
  std::int32_t priority;
};

// Half of the range, so that a numeric priority can go before either.
constexpr Tier kTiers[] = {
    {"auto", "default", 0},
    {"default", "default", 0},
    {"flex", "flex", -kMaxPriority / 2},
    {"priority", "priority", kMaxPriority / 2},
    {"fast", "priority", kMaxPriority / 2},
};

const Tier* find_tier(std::string_view name) {
  for (const auto& tier : kTiers) {
    if (tier.name == name) {
      return &tier;
    }
  }
  return nullptr;
}

using FieldReader = Result<void> (*)(std::string_view, JsonValue&, RequestTerms&);

Result<void> priority(std::string_view name, JsonValue& value, RequestTerms& terms) {
  auto number = read_count(name, value, {-kMaxPriority, kMaxPriority});
  if (!number) {
    return pass(std::move(number));
  }
  terms.priority = *number;
  return {};
}

Result<void> service_tier(std::string_view name, JsonValue& value, RequestTerms& terms) {
  const auto* text = value.text();
  if (text == nullptr || find_tier(*text) == nullptr) {
    return wrong_kind(name, R"("auto", "default", "flex", "priority" or "fast")", value);
  }
  terms.service_tier = *text;
  return {};
}

// A duration as a whole number of units. Its field's name says of which.
template <class Unit>
Result<Duration> read_duration(std::string_view name,
                               const JsonValue& value,
                               std::int64_t low,
                               Duration high) {
  auto number = read_integer(name, value, {low, std::chrono::duration_cast<Unit>(high).count()});
  if (!number) {
    return pass(std::move(number));
  }
  return Duration(Unit(*number));
}

Result<void> deadline_ms(std::string_view name, JsonValue& value, RequestTerms& terms) {
  auto deadline = read_duration<std::chrono::milliseconds>(name, value, 0, kMaxDeadline);
  if (!deadline) {
    return pass(std::move(deadline));
  }
  // Zero is how the line protocol spells "none".
  if (*deadline > Duration::zero()) {
    terms.deadline = *deadline;
  }
  return {};
}

Result<void> retain(std::string_view name, JsonValue& value, RequestTerms& terms) {
  auto time = read_duration<std::chrono::seconds>(name, value, 1, kMaxRetain);
  if (!time) {
    return pass(std::move(time));
  }
  terms.retain = *time;
  return {};
}

Result<void> cache_salt(std::string_view name, JsonValue& value, RequestTerms& terms) {
  auto text = read_text(name, value);
  if (!text) {
    return pass(std::move(text));
  }
  if (text->empty() || text->size() > kMaxCacheSaltBytes) {
    return fail(ErrorCode::invalid_value,
                std::string(name) + " must have 1 to " + std::to_string(kMaxCacheSaltBytes) +
                    " bytes, not " + std::to_string(text->size()),
                std::string(name));
  }
  terms.cache_salt = std::move(*text);
  return {};
}

Result<void> request_id(std::string_view name, JsonValue& value, RequestTerms& terms) {
  constexpr auto kMaxBytes = Limits{}.max_client_id_bytes;
  auto text = read_text(name, value);
  if (!text) {
    return pass(std::move(text));
  }
  if (!is_acceptable_name(*text, kMaxBytes)) {
    return fail(ErrorCode::invalid_value,
                std::string(name) + " must have 1 to " + std::to_string(kMaxBytes) +
                    " letters, digits and -_.:",
                std::string(name));
  }
  terms.request_id = std::move(*text);
  return {};
}

struct Field {
  std::string_view name;
  FieldReader read;
};

constexpr Field kFields[] = {
    {"priority", priority},       {"service_tier", service_tier},
    {"deadline_ms", deadline_ms}, {"cache_salt", cache_salt},
    {"retain", retain},           {"request_id", request_id},
};

}  // namespace

Result<bool> read_terms_field(std::string_view name, JsonValue& value, RequestTerms& terms) {
  for (const auto& field : kFields) {
    if (field.name == name) {
      if (auto read = field.read(name, value, terms); !read) {
        return pass(std::move(read));
      }
      return true;
    }
  }
  return false;
}

Result<void> check_terms(const RequestTerms& terms) {
  const auto* tier = find_tier(terms.service_tier);
  if (terms.priority && tier != nullptr && tier->priority != 0) {
    return fail(ErrorCode::invalid_value,
                "priority and the service_tier \"" + terms.service_tier +
                    "\" are two words for one thing; give one of them",
                "priority");
  }
  return {};
}

std::int32_t priority_of(const RequestTerms& terms, const ModelCard& model) {
  if (terms.priority) {
    return *terms.priority;
  }
  const auto* tier = find_tier(terms.service_tier);
  return tier == nullptr || !model.accepts_priority ? 0 : tier->priority;
}

std::string_view served_tier(const RequestTerms& terms, const ModelCard& model) {
  const auto* tier = find_tier(terms.service_tier);
  if (tier == nullptr) {
    return {};
  }
  return model.accepts_priority ? tier->served : "default";
}

}  // namespace troupe::transport
