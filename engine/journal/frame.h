// How records lie in a journal: the file begins with a mark and a version, and each record has its
// length and checksums before it.
//
//   file    8 bytes "TROUPEJ\n" · u32 version · u32 checksum of the 12 bytes before
//   record  u32 length · u32 checksum of the length's 4 bytes · u32 checksum of the bytes · bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::journal {

inline constexpr std::string_view kMark = "TROUPEJ\n";
/// Raised by each change to what is recorded, or to how it is written.
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kFileHeaderBytes = 16;
inline constexpr std::size_t kRecordHeaderBytes = 12;
/// A longer record is neither written nor read.
inline constexpr std::size_t kMaxRecordBytes = std::size_t{64} << 20U;

void append_file_header(std::string& out);

/// Leaves room for the header of a record whose bytes are appended next. Returns where it begins.
[[nodiscard]] std::size_t begin_record(std::string& out);

enum class Length : std::uint8_t { allowed, too_long };

/// The bytes are complete. A record that is too long is taken away again.
[[nodiscard]] Length end_record(std::string& out, std::size_t begin);

}  // namespace troupe::journal
