#include "engine/model/safetensors.h"

#include "engine/model/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t kLengthBytes = 8;

struct DTypeRow {
  StoredDType dtype;
  std::string_view name;
  std::size_t bytes;
};

constexpr DTypeRow kDTypes[] = {
    {StoredDType::boolean, "BOOL", 1},
    {StoredDType::uint8, "U8", 1},
    {StoredDType::int8, "I8", 1},
    {StoredDType::float8_e4m3, "F8_E4M3", 1},
    {StoredDType::float8_e5m2, "F8_E5M2", 1},
    {StoredDType::uint16, "U16", 2},
    {StoredDType::int16, "I16", 2},
    {StoredDType::float16, "F16", 2},
    {StoredDType::bfloat16, "BF16", 2},
    {StoredDType::uint32, "U32", 4},
    {StoredDType::int32, "I32", 4},
    {StoredDType::float32, "F32", 4},
    {StoredDType::uint64, "U64", 8},
    {StoredDType::int64, "I64", 8},
    {StoredDType::float64, "F64", 8},
};

const DTypeRow& row_of(StoredDType dtype) {
  return *std::find_if(std::begin(kDTypes), std::end(kDTypes),
                       [dtype](const DTypeRow& row) { return row.dtype == dtype; });
}

const DTypeRow* find_dtype(std::string_view name) {
  const auto* found = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                   [name](const DTypeRow& row) { return row.name == name; });
  return found == std::end(kDTypes) ? nullptr : found;
}

// One file while it is checked: what every message begins with.
struct File {
  std::string name;
  std::span<const std::byte> data;  // behind the header

  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& message) const {
    return fail(ErrorCode::invalid_model, name + ": " + message);
  }

  [[nodiscard]] tl::unexpected<Error> wrong_tensor(const HeaderEntry& entry,
                                                   const std::string& message) const {
    return wrong("tensor \"" + entry.name + "\" " + message);
  }
};

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8U | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return length;
}

// Shape times element size, or none where it passes 63 bits.
std::optional<std::uint64_t> tensor_bytes(const HeaderEntry& entry, std::size_t element_bytes) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::uint64_t bytes = element_bytes;
  for (const auto size : entry.shape) {
    if (size > kMax || (size > 0 && bytes > kMax / size)) {
      return std::nullopt;
    }
    bytes *= size;
  }
  return bytes;
}

std::string range_of(const HeaderEntry& entry) {
  return std::string("[") + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + ")";
}

Result<StoredTensor> read_tensor(const File& file, const HeaderEntry& entry) {
  const auto* dtype = find_dtype(entry.dtype);
  if (dtype == nullptr) {
    return file.wrong_tensor(entry, "has the unknown dtype \"" + entry.dtype + "\"");
  }
  if (entry.begin > entry.end || entry.end > file.data.size()) {
    return file.wrong_tensor(entry, "has data_offsets " + range_of(entry) + ", the file has " +
                                        std::to_string(file.data.size()) + " bytes of data");
  }
  const auto expected = tensor_bytes(entry, dtype->bytes);
  if (!expected) {
    return file.wrong_tensor(entry, "has a shape of more than 2^63 bytes");
  }
  if (*expected != entry.end - entry.begin) {
    return file.wrong_tensor(entry, "has " + std::to_string(entry.end - entry.begin) +
                                        " bytes, its shape and dtype make " +
                                        std::to_string(*expected));
  }
  StoredTensor tensor;
  tensor.dtype = dtype->dtype;
  tensor.data = file.data.subspan(entry.begin, entry.end - entry.begin);
  tensor.file = file.name;
  for (const auto size : entry.shape) {
    tensor.shape.push_back(static_cast<std::int64_t>(size));
  }
  if (reinterpret_cast<std::uintptr_t>(tensor.data.data()) % dtype->bytes != 0) {
    return file.wrong_tensor(entry, "does not begin at a multiple of its " +
                                        std::to_string(dtype->bytes) +
                                        "-byte elements; save the file anew");
  }
  return tensor;
}

// The entries must cover the data from its first byte to its last.
Result<void> check_coverage(const File& file, std::vector<HeaderEntry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t covered = 0;
  for (const auto& entry : entries) {
    if (entry.begin != covered) {
      return file.wrong_tensor(entry, "has data_offsets " + range_of(entry) +
                                          (entry.begin < covered ? ", overlapping the one before"
                                                                 : ", leaving a gap before") +
                                          ", which ends at " + std::to_string(covered));
    }
    covered = entry.end;
  }
  if (covered != file.data.size()) {
    return file.wrong("the tensors end at byte " + std::to_string(covered) + " of " +
                      std::to_string(file.data.size()) + " bytes of data");
  }
  return {};
}

// The header's text, and in `file.data` what follows it.
Result<std::string_view> split(std::span<const std::byte> bytes, File& file) {
  if (bytes.size() < kLengthBytes) {
    return file.wrong("has " + std::to_string(bytes.size()) +
                      " bytes, too few for a safetensors file");
  }
  const auto length = read_length(bytes);
  const auto rest = bytes.subspan(kLengthBytes);
  if (length > rest.size() || length > kMaxHeaderBytes) {
    return file.wrong("declares a header of " + std::to_string(length) + " bytes, the file has " +
                      std::to_string(bytes.size()) + " and a header at most " +
                      std::to_string(kMaxHeaderBytes));
  }
  file.data = rest.subspan(length);
  return std::string_view(reinterpret_cast<const char*>(rest.data()), length);
}

}  // namespace

std::string_view to_string(StoredDType dtype) {
  return row_of(dtype).name;
}

std::size_t size_bytes(StoredDType dtype) {
  return row_of(dtype).bytes;
}

Result<TensorMap> parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  File file{.name = name, .data = {}};
  const auto text = split(bytes, file);
  if (!text) {
    return tl::unexpected<Error>(text.error());
  }
  auto entries = parse_safetensors_header(*text);
  if (!entries) {
    return file.wrong(entries.error().message);
  }
  TensorMap tensors;
  for (const auto& entry : *entries) {
    auto tensor = read_tensor(file, entry);
    if (!tensor) {
      return pass(std::move(tensor));
    }
    if (!tensors.emplace(entry.name, *std::move(tensor)).second) {
      return file.wrong_tensor(entry, "is there twice");
    }
  }
  if (auto covered = check_coverage(file, *entries); !covered) {
    return pass(std::move(covered));
  }
  return tensors;
}

}  // namespace troupe
