// Panels are packed side by side by the team; within one, 16 outputs' rows are read side by side.
#include "kernels/cpu/packed_weights.h"

#include "engine/base/check.h"

#include <algorithm>
#include <cstring>

namespace troupe::cpu {
namespace {

template <class T>
T element(const std::byte* data, std::int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

float widened(const TensorView& tensor, std::int64_t index) {
  switch (tensor.dtype) {
    case DType::float32:
      return element<float>(tensor.data, index);
    case DType::float16:
      return widen_half(element<std::uint16_t>(tensor.data, index));
    case DType::bfloat16:
      break;
  }
  return widen(element<Bf16>(tensor.data, index));
}

struct SourceRow {
  const TensorView* tensor = nullptr;
  std::int64_t first = 0;  // index of the row's first element
};

SourceRow source_row(std::span<const TensorView> parts, std::int64_t row) {
  for (const auto& part : parts) {
    if (row < part.shape[0]) {
      return {.tensor = &part, .first = row * part.shape[1]};
    }
    row -= part.shape[0];
  }
  TROUPE_CHECK(false, "a row beyond the last matrix");
}

// A cache line of each source row at a time: rows often lie a power of two apart, and would drive
// each other out of the cache if they were read in step.
constexpr std::int32_t kBlockInputs = 32;

/// `count` inputs of an output, from `first` on.
void read_inputs(const SourceRow& source, std::int32_t first, std::int32_t count, Bf16* to) {
  const auto begin = source.first + first;
  if (source.tensor->dtype == DType::bfloat16) {
    std::memcpy(to, source.tensor->data + begin * static_cast<std::int64_t>(sizeof(Bf16)),
                static_cast<std::size_t>(count) * sizeof(Bf16));
    return;
  }
  for (std::int32_t i = 0; i < count; ++i) {
    to[i] = narrow(widened(*source.tensor, begin + i));
  }
}

/// A vector's outputs, at most 16, two inputs by two, into a panel that is `width` columns wide.
void pack_columns(std::span<const SourceRow> outputs,
                  std::int32_t num_inputs,
                  std::int64_t width,
                  Bf16* to) {
  for (std::int32_t first = 0; first < num_inputs; first += kBlockInputs) {
    const auto count = std::min(kBlockInputs, num_inputs - first);
    Bf16 block[kVectorColumns][kBlockInputs] = {};
    for (std::size_t column = 0; column < outputs.size(); ++column) {
      read_inputs(outputs[column], first, count, block[column]);
    }
    for (std::int32_t i = 0; i < count; i += 2) {
      Bf16* const pairs = to + (first + i) * width;
      for (std::size_t column = 0; column < outputs.size(); ++column) {
        std::memcpy(pairs + 2 * column, block[column] + i, 2 * sizeof(Bf16));
      }
    }
  }
}

void pack_panel(std::span<const TensorView> parts,
                const PackedMatrix& packed,
                std::int32_t panel,
                Bf16* to) {
  const std::int64_t width = std::int64_t{packed.vectors(panel)} * kVectorColumns;
  for (std::int32_t first = 0; first < packed.columns(panel); first += kVectorColumns) {
    const auto count = std::min(kVectorColumns, packed.columns(panel) - first);
    SourceRow outputs[kVectorColumns];
    for (std::int32_t column = 0; column < count; ++column) {
      outputs[column] = source_row(parts, std::int64_t{panel} * kPanelColumns + first + column);
    }
    pack_columns({outputs, static_cast<std::size_t>(count)}, packed.num_inputs, width,
                 to + std::int64_t{2} * first);
  }
}

}  // namespace

std::int64_t packed_elements(std::int32_t num_outputs, std::int32_t num_inputs) {
  const std::int64_t vectors = (num_outputs + kVectorColumns - 1) / kVectorColumns;
  return vectors * kVectorColumns * ((num_inputs + 1) / 2) * 2;
}

PackedMatrix pack(std::span<const TensorView> parts, Bf16* to, ThreadTeam& team) {
  TROUPE_CHECK(!parts.empty(), "nothing to pack");
  PackedMatrix packed{.data = to, .num_inputs = static_cast<std::int32_t>(parts[0].shape.at(1))};
  for (const auto& part : parts) {
    TROUPE_CHECK(part.shape.size() == 2 && part.shape[1] == packed.num_inputs && !part.empty(),
                 "matrices to be stacked differ in their inputs");
    packed.num_outputs += static_cast<std::int32_t>(part.shape[0]);
  }
  team.run(packed.num_panels(), [&](std::int32_t begin, std::int32_t end) {
    for (std::int32_t panel = begin; panel < end; ++panel) {
      pack_panel(parts, packed, panel, to + (packed.panel(panel) - packed.data));
    }
  });
  return packed;
}

std::vector<float> widen_vectors(std::span<const TensorView> parts,
                                 std::span<const std::int32_t> sizes) {
  TROUPE_CHECK(parts.size() == sizes.size(), "each vector needs its size");
  std::vector<float> widened_values;
  bool any = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto begin = widened_values.size();
    widened_values.resize(begin + static_cast<std::size_t>(sizes[i]));
    if (!parts[i].empty()) {
      TROUPE_CHECK(parts[i].shape == std::vector<std::int64_t>{sizes[i]},
                   "a vector has another size than its matrix");
      any = true;
      for (std::int32_t k = 0; k < sizes[i]; ++k) {
        widened_values[begin + static_cast<std::size_t>(k)] = widened(parts[i], k);
      }
    }
  }
  return any ? widened_values : std::vector<float>();
}

void widen_row(const TensorView& tensor, std::int64_t row, std::span<float> to) {
  const auto n = static_cast<std::int64_t>(to.size());
  if (tensor.dtype == DType::bfloat16) {  // the usual case, as a loop of its own that vectorises
    const auto* from = tensor.data + row * n * 2;
    for (std::int64_t i = 0; i < n; ++i) {
      to[static_cast<std::size_t>(i)] = widen(element<Bf16>(from, i));
    }
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    to[static_cast<std::size_t>(i)] = widened(tensor, row * n + i);
  }
}

}  // namespace troupe::cpu
