// Reads a journal record by record. The file may be anybody's: cut off, damaged or made up. What is
// wrong with it is said with the place; memory is used for what is really there.
#pragma once

#include "engine/base/result.h"
#include "engine/journal/record.h"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::journal {

/// One record's bytes, without its header. Nothing when they are no record of this version.
[[nodiscard]] std::optional<Record> parse_record(std::string_view bytes);

/// How a journal that can be read ends.
enum class Ending : std::uint8_t {
  closed,  // with an `Ended` record
  open,    // after a whole record: its program was killed, or is still writing
  torn,    // within a record
};

class Reader {
 public:
  /// Errors: `invalid_value` for what is no journal, or one of another version; both versions are
  /// named. `in` outlives the reader.
  [[nodiscard]] static Result<Reader> open(std::istream& in);

  /// The next record, or nothing at the journal's end; see `ending`. Errors: `invalid_value` for a
  /// damaged record, with its place; nothing behind it can be trusted, and nothing more is read.
  [[nodiscard]] Result<std::optional<Record>> next();

  /// Good once `next` has returned nothing.
  [[nodiscard]] Ending ending() const { return ending_; }

  /// Of the record last read, counted from 1.
  [[nodiscard]] std::int64_t record_number() const { return record_number_; }

  [[nodiscard]] std::int64_t num_bytes() const { return offset_; }

  /// Of an incomplete record at the end.
  [[nodiscard]] std::int64_t num_torn_bytes() const { return num_torn_bytes_; }

 private:
  explicit Reader(std::istream& in) : in_(&in) {}

  enum class Found : std::uint8_t { whole, part, nothing };

  /// Fills `bytes_` with the next `count` bytes, or with those that are left.
  [[nodiscard]] Found read(std::size_t count);
  [[nodiscard]] std::optional<Record> tear(std::size_t num_bytes);
  [[nodiscard]] Result<std::optional<Record>> damaged(const std::string& how);

  std::istream* in_;
  std::string bytes_;
  std::int64_t offset_ = 0;  // of the record being read
  std::int64_t record_number_ = 0;
  std::int64_t num_torn_bytes_ = 0;
  Ending ending_ = Ending::open;
  bool at_end_ = false;
};

}  // namespace troupe::journal
