// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/Packing.h"
#include "frontend/weights/BlockCodes.h"
#include "frontend/weights/HalfFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace attune;

static constexpr int panelRows = PackedFormat::panelRows;
static constexpr int blockColumns = PackedFormat::blockColumns;
static_assert(blockColumns == CodeBlock::columns);

static llvm::Error sourceError(const PackSource &source, const std::string &problem) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "weight '" + source.name + "' " + problem);
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static llvm::Error checkSource(const PackedFormat &format, const PackSource &source, int64_t columns,
                               std::optional<StorageType> requantize) {
  if (!isWeightType(source.type))
    return sourceError(
        source, llvm::formatv("is stored as {0}, which holds no weights", storageTypeName(source.type)));
  if (source.columns != columns)
    return sourceError(
        source, llvm::formatv("has {0} columns, expected {1} as the others have", source.columns, columns));
  if (source.transposed && isBlockQuantized(source.type))
    return sourceError(source, llvm::formatv("is transposed and stored as {0}, expected plain numbers",
                                             storageTypeName(source.type)));
  llvm::Expected<int64_t> bytes = tensorBytes(source.type, {source.storedRows, source.columns});
  if (!bytes)
    return sourceError(source, "of " + llvm::toString(bytes.takeError()));
  int64_t found = source.data.size() + source.scales.size();
  if (*bytes != found)
    return sourceError(source, llvm::formatv("has {0} bytes of data, expected {1}", found, *bytes));
  if (!holdsExactly(format, source.type) && !requantize)
    return sourceError(source, llvm::formatv("is stored as {0}, which the packed format cannot hold exactly",
                                             storageTypeName(source.type)));
  return llvm::Error::success();
}

static llvm::Error checkSources(const PackedFormat &format, llvm::ArrayRef<PackSource> sources,
                                std::optional<StorageType> requantize) {
  if (sources.empty())
    return llvm::createStringError("there are no weights to pack");
  if (requantize && (!canQuantizeTo(*requantize) || !holdsExactly(format, *requantize)))
    return llvm::createStringError("weights cannot be stored anew as " + storageTypeName(*requantize) +
                                   " in this packed format");
  for (const PackSource &source : sources)
    if (llvm::Error error = checkSource(format, source, sources.front().columns, requantize))
      return error;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Packing of one row
//===----------------------------------------------------------------------===//

static void storeScale(const PackedFormat &format, uint8_t *at, float value) {
  if (format.scale == PackedFormat::ScaleF32)
    llvm::support::endian::write32le(at, llvm::bit_cast<uint32_t>(value));
  else
    writeHalf(at, value);
}

/// Stores 32 columns of a row of the panel into the block.
static void storeBlock(const PackedFormat &format, const CodeBlock &from, int row, uint8_t *block) {
  for (int g = 0; g < blockColumns / format.group; ++g) {
    int64_t at = (g * panelRows + row) * format.scaleBytes();
    storeScale(format, block + at, from.scales[g]);
    if (format.hasMin)
      storeScale(format, block + format.minsOffset() + at, from.mins[g]);
  }
  uint8_t *codes = block + format.codesOffset() + row * 4;
  if (format.codes == PackedFormat::U4) {
    for (int column = 0; column < blockColumns / 2; ++column) {
      int low = from.codes[column] + format.zero, high = from.codes[column + 16] + format.zero;
      codes[column / 4 * 64 + column % 4] = low | high << 4;
    }
    return;
  }
  for (int column = 0; column < blockColumns; ++column)
    codes[column / 4 * 64 + column % 4] = from.codes[column] + format.zero;
}

/// Packs numbers as integers with one scale into row `row` of a panel.
static void packIntegers(const PackedFormat &format, llvm::ArrayRef<float> values, int row, uint8_t *panel) {
  std::vector<int8_t> codes(values.size());
  storeScale(format, panel + row * format.scaleBytes(),
             quantizeRow(values.data(), codes.data(), static_cast<int64_t>(codes.size())));
  uint8_t *lines = panel + format.codesOffset() + row * 4;
  for (auto [column, code] : llvm::enumerate(codes))
    lines[column / 4 * 64 + column % 4] = static_cast<uint8_t>(code + format.zero);
}

/// Packs a row of quantised blocks into row `row` of a panel.
static void packBlocks(const PackedFormat &format, StorageType type, const uint8_t *blocks, int64_t columns,
                       int row, uint8_t *panel) {
  BlockDecoder decode = blockDecoder(type);
  int64_t bytes = blockBytes(type), codeBlocks = blockSize(type) / blockColumns;
  CodeBlock decoded[maxCodeBlocks];
  for (int64_t done = 0; done < columns; done += blockSize(type), blocks += bytes) {
    decode(blocks, decoded);
    for (int64_t b = 0; b < codeBlocks; ++b, panel += format.blockBytes())
      storeBlock(format, decoded[b], row, panel);
  }
}

template <typename Element>
static void scatter(const uint8_t *elements, int64_t columns, int row, uint8_t *panel) {
  panel += row * sizeof(Element);
  for (int64_t k = 0; k < columns; ++k)
    std::memcpy(panel + k * panelRows * sizeof(Element), elements + k * sizeof(Element), sizeof(Element));
}

static StorageType storageTypeOf(PackedFormat::Codes codes) {
  switch (codes) {
  case PackedFormat::F16:
    return StorageType::F16;
  case PackedFormat::BF16:
    return StorageType::BF16;
  default:
    return StorageType::F32;
  }
}

//===----------------------------------------------------------------------===//
// Packing of panels
//===----------------------------------------------------------------------===//

namespace {
class PanelPacker {
public:
  PanelPacker(const PackedFormat &format, llvm::ArrayRef<PackSource> sources,
              std::optional<StorageType> requantize)
      : format(format), sources(sources), requantize(requantize), columns(sources.front().columns) {
    for (const PackSource &source : sources)
      rows += source.rows();
  }

  int64_t panels() const { return PackedFormat::panels(rows); }

  llvm::Error pack(int64_t panel, uint8_t *out) {
    // Rows past the last stay zero, as do columns past the last.
    std::memset(out, 0, format.panelBytes(columns));
    int64_t first = panel * panelRows;
    for (int row = 0; row < panelRows && first + row < rows; ++row)
      if (llvm::Error error = packRow(first + row, row, out))
        return error;
    return llvm::Error::success();
  }

private:
  llvm::Error packRow(int64_t index, int row, uint8_t *panel);
  const uint8_t *storedRow(const PackSource &source, int64_t index);
  const uint8_t *converted(StorageType from, const uint8_t *data, StorageType to, int64_t padded);

  const PackedFormat &format;
  llvm::ArrayRef<PackSource> sources;
  std::optional<StorageType> requantize;
  int64_t columns, rows = 0;
  std::vector<uint8_t> gathered, encoded; ///< One row.
  std::vector<float> values;              ///< One row, padded.
};
} // namespace

/// GGML's blocks of a row whose scales and codes lie apart: the scale comes first, then bytes of elements
/// half a block apart instead of neighbours.
static void joinBlocks(const uint8_t *codes, const uint8_t *scales, int64_t blocks, uint8_t *out) {
  for (int64_t b = 0; b < blocks; ++b, codes += 16) {
    *out++ = scales[b];
    auto element = [&](int e) { return codes[e / 2] >> (e % 2 * 4) & 15; };
    for (int e = 0; e < 16; ++e)
      *out++ = static_cast<uint8_t>(element(e) | element(e + 16) << 4);
  }
}

/// A row as the source stores it: in place, or gathered if the source is transposed or cut in two.
const uint8_t *PanelPacker::storedRow(const PackSource &source, int64_t index) {
  if (!source.scales.empty()) {
    int64_t blocks = columns / blockSize(source.type);
    gathered.resize(storageBytes(source.type, columns));
    joinBlocks(&source.data[index * blocks * 16], &source.scales[index * blocks], blocks, gathered.data());
    return gathered.data();
  }
  if (!source.transposed)
    return source.data.data() + index * storageBytes(source.type, columns);
  int64_t size = blockBytes(source.type);
  gathered.resize(columns * size);
  const uint8_t *from = source.data.data() + index * size;
  for (int64_t k = 0; k < columns; ++k)
    std::memcpy(&gathered[k * size], from + k * source.storedRows * size, size);
  return gathered.data();
}

/// A row stored anew in another type, padded with zeros to `padded` elements.
const uint8_t *PanelPacker::converted(StorageType from, const uint8_t *data, StorageType to, int64_t padded) {
  values.assign(padded, 0.0f);
  dequantize(from, data, values.data(), columns);
  encoded.resize(storageBytes(to, padded));
  quantize(to, values.data(), encoded.data(), padded);
  return encoded.data();
}

llvm::Error PanelPacker::packRow(int64_t index, int row, uint8_t *panel) {
  const PackSource *source = sources.begin();
  for (; index >= source->rows(); ++source)
    index -= source->rows();
  if (!source->rowOrder.empty()) {
    int64_t ordered = source->rowOrder[index];
    if (ordered < 0 || ordered >= source->storedRows)
      return sourceError(*source,
                         llvm::formatv("has row {0} in place {1} of its row order, expected 0 to {2}",
                                       ordered, index, source->storedRows - 1));
    index = ordered;
  }
  const uint8_t *data = storedRow(*source, index);
  if (format.isRowScaled()) {
    values.assign(columns, 0.0f);
    dequantize(source->type, data, values.data(), columns);
    packIntegers(format, values, row, panel);
    return llvm::Error::success();
  }
  bool exact = holdsExactly(format, source->type);
  if (format.isQuantized()) {
    StorageType type = exact ? source->type : *requantize;
    int64_t padded = llvm::alignTo(columns, blockColumns);
    packBlocks(format, type, exact ? data : converted(source->type, data, type, padded), padded, row, panel);
    return llvm::Error::success();
  }
  StorageType type = storageTypeOf(format.codes);
  if (source->type != type)
    data = converted(source->type, data, type, columns);
  if (format.elementBytes() == 4)
    scatter<uint32_t>(data, columns, row, panel);
  else
    scatter<uint16_t>(data, columns, row, panel);
  return llvm::Error::success();
}

llvm::Error attune::packPanels(const PackedFormat &format, llvm::ArrayRef<PackSource> sources,
                               int64_t firstPanel, int64_t count, uint8_t *out,
                               std::optional<StorageType> requantize) {
  if (llvm::Error error = checkSources(format, sources, requantize))
    return error;
  PanelPacker packer(format, sources, requantize);
  if (firstPanel < 0 || count < 0 || firstPanel > packer.panels() - count)
    return sourceError(sources.front(),
                       llvm::formatv("has {0} panels, so that {1} from number {2} on do not exist",
                                     packer.panels(), count, firstPanel));
  for (int64_t i = 0; i < count; ++i, out += format.panelBytes(sources.front().columns))
    if (llvm::Error error = packer.pack(firstPanel + i, out))
      return error;
  return llvm::Error::success();
}
