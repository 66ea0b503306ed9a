// The plan of the house as a table: which room may include what. The drawing to it is
// docs/architecture.md.
#pragma once

#include "tests/architecture/source_tree.h"

#include <string>
#include <vector>

namespace troupe::architecture {

/// Each include that the file's room may not know, as `path:line includes x, which room may not
/// know`.
[[nodiscard]] std::vector<std::string> forbidden_includes(const SourceFile& file);

/// Locks and what belongs to them, in the rooms where state has one owner and needs none.
[[nodiscard]] std::vector<std::string> forbidden_locks(const SourceFile& file);

/// Includes of one actor's header by another actor: actors know each other by role.
[[nodiscard]] std::vector<std::string> forbidden_acquaintances(const SourceFile& file);

}  // namespace troupe::architecture
