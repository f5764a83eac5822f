// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What must hold of each operation.

#include "dialect/TransformerVerify.h"

#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

#define GET_OP_CLASSES
#include "dialect/TransformerOps.cpp.inc"

//===--------------------------- shared checks ----------------------------===//

static int64_t dimOf(Value value, unsigned dim) { return cast<ShapedType>(value.getType()).getDimSize(dim); }

LogicalResult checks::expectDim(Operation *op, StringRef what, Value value, unsigned dim, int64_t expected,
                                StringRef source) {
  int64_t size = cast<ShapedType>(value.getType()).getDimSize(dim);
  if (ShapedType::isDynamic(size) || ShapedType::isDynamic(expected) || size == expected)
    return success();
  return op->emitOpError() << what << " has size " << size << " in dimension " << dim << ", expected "
                           << expected << " (" << source << ")";
}

LogicalResult checks::expectBatch(Operation *op, Value batch) {
  return expectDim(op, "batch", batch, 1, kBatchColumns, "position, first key, key count");
}

LogicalResult checks::expectGroups(Operation *op, int64_t queryHeads, int64_t keyHeads) {
  if (ShapedType::isDynamic(queryHeads) || ShapedType::isDynamic(keyHeads) ||
      (keyHeads > 0 && queryHeads % keyHeads == 0))
    return success();
  return op->emitOpError() << "has " << queryHeads << " query heads, which " << keyHeads
                           << " key heads do not divide";
}

LogicalResult checks::expectTokens(Operation *op, StringRef what, Value value, Value tokens,
                                   StringRef source) {
  return expectDim(op, what, value, 0, cast<ShapedType>(tokens.getType()).getDimSize(0), source);
}

LogicalResult checks::expectDistances(Operation *op, Value bias, Value heads) {
  int64_t distances = dimOf(bias, 1);
  if (!ShapedType::isDynamic(distances) && distances % 2 == 0)
    return op->emitOpError() << "bias has " << distances << " distances, expected an odd number";
  return expectDim(op, "bias", bias, 0, dimOf(heads, 1), "the query heads");
}

LogicalResult checks::verifyLinear(Operation *op, Value input, Value weight, Value bias, Value result) {
  auto type = cast<RankedTensorType>(weight.getType());
  if (failed(expectDim(op, "input", input, 1, type.getDimSize(1), "the weight's input size")) ||
      failed(expectDim(op, "result", result, 1, type.getDimSize(0), "the weight's output size")) ||
      failed(expectTokens(op, "result", result, input, "the input's rows")))
    return failure();
  return bias ? expectDim(op, "bias", bias, 0, type.getDimSize(0), "the weight's output size") : success();
}

LogicalResult checks::verifyNorm(Operation *op, NormKind kind, Value input, Value weight, Value bias,
                                 double eps) {
  auto type = cast<RankedTensorType>(input.getType());
  int64_t features = type.getDimSize(type.getRank() - 1);
  if (weight && failed(expectDim(op, "weight", weight, 0, features, "the input's last dimension")))
    return failure();
  if (bias && failed(expectDim(op, "bias", bias, 0, features, "the input's last dimension")))
    return failure();
  if (!(eps >= 0))
    return op->emitOpError() << "eps is " << eps << ", expected a number that is not negative";
  return success();
}

//===----------------------------- parameters -----------------------------===//

std::string ParameterOp::getSourceName(int64_t record) {
  if (!getSource())
    return "";
  std::string name = getSource()->str();
  size_t hole = name.find("{}");
  if (getLayers() && hole != std::string::npos)
    name.replace(hole, 2, std::to_string((*getLayers())[record]));
  return name;
}

LogicalResult ParameterOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape())
    return emitOpError() << "has type " << getType() << ", expected a tensor of static shape";
  if (getSource().has_value() == getValue().has_value())
    return emitOpError() << "needs either a source (a tensor's name in the model's files) or a literal value";
  if (getValue() && cast<ShapedType>(getValue()->getType()).getShape() != type.getShape())
    return emitOpError() << "value has type " << getValue()->getType() << ", expected " << type;
  if (getLayers() && getSource() && !getSource()->contains("{}"))
    return emitOpError() << "has layers, so its source must hold {} for the layer's number: '" << *getSource()
                         << "'";
  if (getValue() && !cast<ShapedType>(getValue()->getType()).getElementType().isF32())
    return emitOpError() << "value has type " << getValue()->getType() << ", expected elements of type f32";
  if (getTransposed() && getValue())
    return emitOpError() << "is transposed, which is about how a file holds it, but has a literal value";
  if (getLayers() && getLayers()->empty())
    return emitOpError() << "has an empty list of layers";
  if (getTransposed() && type.getRank() < 2)
    return emitOpError() << "is transposed, so it must be a matrix or a stack of them, got " << type;
  if (getRows() && getRows()->size() != 4)
    return emitOpError() << "has " << getRows()->size()
                         << " numbers for rows, expected 4: first, length, period, of";
  return success();
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return emitOpError() << "names '" << getParameter() << "', which is not a transformer.parameter";
  if (parameter.getType() != getResult().getType())
    return emitOpError() << "has type " << getResult().getType() << ", but " << getParameterAttr() << " has "
                         << parameter.getType();
  if (parameter.getLayers().has_value() != static_cast<bool>(getRecord()))
    return emitOpError() << (getRecord() ? "has a record, but " : "needs a record, since ")
                         << getParameterAttr()
                         << (getRecord() ? " has one value for the whole model" : " has one per layer");
  return success();
}

LogicalResult RepeatOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto layer = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getLayerAttr());
  if (!layer)
    return emitOpError() << "names '" << getLayer() << "', which is not a function";
  SmallVector<Type> expected{getInput().getType(), IndexType::get(getContext()),
                             IndexType::get(getContext())};
  llvm::append_range(expected, getShared().getTypes());
  if (layer.getArgumentTypes() != ArrayRef<Type>(expected) ||
      layer.getResultTypes() != ArrayRef<Type>(getResult().getType()))
    return emitOpError() << "needs a layer of type "
                         << FunctionType::get(getContext(), expected, getResult().getType()) << ", but "
                         << getLayerAttr() << " has " << layer.getFunctionType();
  return success();
}

LogicalResult RepeatOp::verify() {
  auto count = static_cast<int64_t>(getCount()), record = static_cast<int64_t>(getRecord()),
       first = static_cast<int64_t>(getFirst());
  if (count < 1)
    return emitOpError() << "count is " << count << ", expected at least one layer";
  if (record < 0 || first < 0)
    return emitOpError() << "begins at record " << record << " and layer " << first
                         << ", neither of which may be negative";
  return success();
}

//===----------------------------- embeddings -----------------------------===//

LogicalResult EmbedOp::verify() {
  if (failed(checks::expectTokens(*this, "result", getResult(), getIds(), "the number of ids")))
    return failure();
  return checks::expectDim(*this, "result", getResult(), 1, dimOf(getTable(), 1), "the table's row size");
}

LogicalResult PositionsOp::verify() {
  if (failed(checks::expectBatch(*this, getBatch())))
    return failure();
  return checks::expectTokens(*this, "result", getResult(), getBatch(), "the batch's rows");
}

LogicalResult PositionOp::verify() {
  int64_t features = dimOf(getResult(), 1);
  if (ShapedType::isDynamic(features))
    return emitOpError() << "result has type " << getResult().getType()
                         << ", expected a static number of features";
  if (features % 2)
    return emitOpError() << "result has " << features
                         << " features, expected an even number (a sine and a cosine for each frequency)";
  if (double base = getBase().convertToDouble(); !(base > 0))
    return emitOpError() << "base is " << base << ", expected a positive number";
  if (failed(checks::expectBatch(*this, getBatch())))
    return failure();
  return checks::expectTokens(*this, "result", getResult(), getBatch(), "the batch's rows");
}

LogicalResult RotaryTableOp::verify() {
  if (failed(checks::expectBatch(*this, getBatch())) ||
      failed(checks::expectDim(*this, "result", getResult(), 1, 2, "cosines and sines")))
    return failure();
  if (failed(checks::expectTokens(*this, "result", getResult(), getBatch(), "the batch's rows")))
    return failure();
  if (getLongFrequencies() && getLongFrequencies()->size() != getFrequencies().size())
    return emitOpError() << "has " << getLongFrequencies()->size() << " long_frequencies, expected "
                         << getFrequencies().size() << " as there are frequencies";
  if (getLongFrequencies() && getSwitchLength() < 1)
    return emitOpError() << "has long_frequencies, so switch_length must be positive, got "
                         << getSwitchLength();
  return checks::expectDim(*this, "result", getResult(), 2, getFrequencies().size(),
                           "the number of frequencies");
}

LogicalResult TemperatureOp::verify() {
  if (double scale = getFloorScale().convertToDouble(); !(scale > 0))
    return emitOpError() << "floor_scale is " << scale << ", expected a positive number";
  if (failed(checks::expectBatch(*this, getBatch())))
    return failure();
  return checks::expectTokens(*this, "batch", getBatch(), getInput(), "the number of tokens");
}

LogicalResult RotaryOp::verify() {
  int64_t size = dimOf(getInput(), 2), frequencies = dimOf(getTable(), 2);
  if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(frequencies) && frequencies > size / 2)
    return emitOpError() << "rotates a pair of elements for each of " << frequencies
                         << " frequencies, but heads have size " << size;
  if (failed(checks::expectTokens(*this, "table", getTable(), getInput(), "the number of tokens")))
    return failure();
  return checks::expectDim(*this, "table", getTable(), 1, 2, "cosines and sines");
}

LogicalResult GatherOp::verify() {
  if (failed(checks::expectTokens(*this, "result", getResult(), getRows(), "the number of chosen rows")))
    return failure();
  return checks::expectDim(*this, "result", getResult(), 1, dimOf(getInput(), 1), "the input's row size");
}

//===--------------------------- maps and norms ---------------------------===//

LogicalResult NormOp::verify() {
  return checks::verifyNorm(*this, getKind(), getInput(), getWeight(), getBias(), getEps().convertToDouble());
}

LogicalResult LinearOp::verify() {
  return checks::verifyLinear(*this, getInput(), getWeight(), getBias(), getResult());
}

LogicalResult HeadLinearOp::verify() {
  if (failed(checks::expectDim(*this, "weights", getWeights(), 0, dimOf(getInput(), 1), "the heads")) ||
      failed(checks::expectDim(*this, "weights", getWeights(), 2, dimOf(getInput(), 2),
                               "the input's head size")) ||
      failed(checks::expectTokens(*this, "result", getResult(), getInput(), "the number of tokens")) ||
      failed(checks::expectDim(*this, "result", getResult(), 1, dimOf(getInput(), 1), "the heads")))
    return failure();
  return checks::expectDim(*this, "result", getResult(), 2, dimOf(getWeights(), 1), "the weights' rows");
}

LogicalResult ScaleRowsOp::verify() {
  if (failed(checks::expectTokens(*this, "factors", getFactors(), getInput(), "the input's rows")))
    return failure();
  return checks::expectDim(*this, "factors", getFactors(), 1, 1, "one factor per row");
}

//===------------------------- mixture of experts -------------------------===//

LogicalResult RouteOp::verify() {
  int64_t experts = dimOf(getLogits(), 1), topK = getTopK(), groups = getGroups(), topGroups = getTopGroups();
  if (ShapedType::isDynamic(experts))
    return emitOpError() << "logits have type " << getLogits().getType()
                         << ", expected a static number of experts";
  if (topK < 1 || topK > experts)
    return emitOpError() << "top_k is " << topK << ", expected 1 to " << experts << ", the number of experts";
  if (groups < 0 || (groups && experts % groups))
    return emitOpError() << "groups is " << groups << ", which does not divide the number of experts, "
                         << experts;
  if (!groups && topGroups)
    return emitOpError() << "has top_groups but no groups";
  if (groups && (topGroups < 1 || topGroups > groups))
    return emitOpError() << "top_groups is " << topGroups << ", expected 1 to " << groups
                         << ", the number of groups";
  if (groups && topGroups * (experts / groups) < topK)
    return emitOpError() << "top_k is " << topK << ", but " << topGroups << " groups of " << experts / groups
                         << " experts have fewer";
  if (groups && getGroupScore() == GroupScore::top2_sum && experts / groups < 2)
    return emitOpError() << "sums the two best experts of a group, but groups have " << experts / groups;
  for (Value result : getResults())
    if (failed(checks::expectTokens(*this, "result", result, getLogits(), "the number of tokens")) ||
        failed(checks::expectDim(*this, "result", result, 1, topK, "top_k")))
      return failure();
  return getCorrectionBias()
             ? checks::expectDim(*this, "correction bias", getCorrectionBias(), 0, experts, "the experts")
             : success();
}

LogicalResult ExpertsOp::verify() {
  int64_t count = dimOf(getUp(), 0), inner = dimOf(getUp(), 1), features = dimOf(getInput(), 1);
  auto stack = [&](StringRef what, Value weights, int64_t out, int64_t in) {
    return success(!weights ||
                   (succeeded(checks::expectDim(*this, what, weights, 0, count, "the experts of up")) &&
                    succeeded(checks::expectDim(*this, what, weights, 1, out, "its output size")) &&
                    succeeded(checks::expectDim(*this, what, weights, 2, in, "its input size"))));
  };
  auto bias = [&](StringRef what, Value values, int64_t out) {
    bool known = !ShapedType::isDynamic(count) && !ShapedType::isDynamic(out);
    int64_t size = known ? count * out : ShapedType::kDynamic;
    return values ? checks::expectDim(*this, what, values, 0, size, "experts x output size") : success();
  };
  if (failed(stack("up", getUp(), inner, features)) || failed(stack("gate", getGate(), inner, features)) ||
      failed(stack("down", getDown(), features, inner)) || failed(bias("up bias", getUpBias(), inner)) ||
      failed(bias("gate bias", getGateBias(), inner)) || failed(bias("down bias", getDownBias(), features)))
    return failure();
  if (getGateBias() && !getGate())
    return emitOpError() << "has a bias of the gate but no gate";
  if (double limit = getLimit().convertToDouble(); !(limit >= 0))
    return emitOpError() << "limit is " << limit << ", expected 0 (none) or a positive number";
  if (!getGate() && (!getLimit().isZero() || !getUpOffset().isZero()))
    return emitOpError() << "has a limit or an up_offset, which are for networks with gates";
  for (Value value : {Value(getExperts()), Value(getWeights()), Value(getResult())})
    if (failed(checks::expectTokens(*this, "operand", value, getInput(), "the number of tokens")))
      return failure();
  if (failed(checks::expectDim(*this, "weights", getWeights(), 1, dimOf(getExperts(), 1),
                               "the experts per token")))
    return failure();
  return checks::expectDim(*this, "result", getResult(), 1, features, "the input's features");
}

LogicalResult SoftCapOp::verify() {
  double cap = getCap().convertToDouble();
  return cap > 0 ? success()
                 : LogicalResult(emitOpError() << "cap is " << cap << ", expected a positive number");
}

//===----------------------- attention in its parts -----------------------===//

static LogicalResult expectRowsOf(Operation *op, CacheType cache, StringRef what, Value rows, int64_t size) {
  if (failed(checks::expectDim(op, what, rows, 1, cache.getHeads(), "the cache's heads")))
    return failure();
  return checks::expectDim(op, what, rows, 2, size, "the cache's head size");
}

/// The tables of keys and values that a cache gives.
static LogicalResult verifyTables(Operation *op, CacheType cache, Value keyRows, Value valueRows) {
  if (failed(expectRowsOf(op, cache, "key rows", keyRows, cache.getKeySize())) ||
      failed(expectRowsOf(op, cache, "value rows", valueRows, cache.getValueSize())))
    return failure();
  for (Value rows : {keyRows, valueRows})
    if (cast<ShapedType>(rows.getType()).getElementType() != cache.getTableElementType())
      return op->emitOpError() << "gives rows of type " << rows.getType() << ", but the cache's are "
                               << cache.getTableElementType();
  return success();
}

LogicalResult CacheReadOp::verify() {
  return verifyTables(*this, getCache().getType(), getKeyRows(), getValueRows());
}

LogicalResult CacheUpdateOp::verify() {
  CacheType cache = getCache().getType();
  if (failed(expectRowsOf(*this, cache, "keys", getKeys(), cache.getKeySize())) ||
      failed(expectRowsOf(*this, cache, "values", getValues(), cache.getValueSize())) ||
      failed(verifyTables(*this, cache, getKeyRows(), getValueRows())) ||
      failed(checks::expectTokens(*this, "values", getValues(), getKeys(), "the rows of keys")) ||
      failed(checks::expectTokens(*this, "batch", getBatch(), getKeys(), "the number of tokens")))
    return failure();
  return checks::expectBatch(*this, getBatch());
}

LogicalResult ScoresOp::verify() {
  if (failed(checks::expectBatch(*this, getBatch())) ||
      failed(checks::expectGroups(*this, dimOf(getQueries(), 1), dimOf(getKeys(), 1))) ||
      failed(checks::expectTokens(*this, "batch", getBatch(), getQueries(), "the number of tokens")) ||
      failed(checks::expectTokens(*this, "result", getResult(), getQueries(), "the number of tokens")) ||
      failed(checks::expectDim(*this, "result", getResult(), 1, dimOf(getQueries(), 1), "the query heads")))
    return failure();
  return checks::expectDim(*this, "queries", getQueries(), 2, dimOf(getKeys(), 2), "the keys' head size");
}

LogicalResult MaskOp::verify() {
  if (failed(checks::expectBatch(*this, getBatch())))
    return failure();
  return checks::expectTokens(*this, "batch", getBatch(), getScores(), "the number of tokens");
}

LogicalResult DistanceBiasOp::verify() {
  int64_t heads = dimOf(getResult(), 0), least = getBidirectional() ? 4 : 2, buckets = getBuckets();
  if (buckets < least)
    return emitOpError() << "buckets is " << buckets << ", expected at least " << least;
  int64_t exact = buckets / least;
  if (static_cast<int64_t>(getMaxDistance()) <= exact)
    return emitOpError() << "max_distance is " << getMaxDistance() << ", expected more than " << exact
                         << ", the distances that have buckets of their own";
  if (ShapedType::isDynamic(heads))
    return emitOpError() << "result has type " << getResult().getType() << ", expected a static shape";
  if (failed(checks::expectDim(*this, "result", getResult(), 1, 2 * getMaxDistance() + 1, "the distances")))
    return failure();
  return checks::expectDim(*this, "table", getTable(), 0, heads * getBuckets(), "buckets x heads");
}

int64_t DistanceBiasOp::bucketOf(int64_t distance) {
  int64_t buckets = getBidirectional() ? getBuckets() / 2 : getBuckets();
  int64_t first = getBidirectional() && distance > 0 ? buckets : 0;
  int64_t steps = getBidirectional() ? std::abs(distance) : std::max<int64_t>(-distance, 0);
  int64_t exact = buckets / 2;
  if (steps < exact)
    return first + steps;
  // In f32, as the definition says: the buckets' ends may fall on whole distances.
  float part =
      std::log(static_cast<float>(steps) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(getMaxDistance()) / static_cast<double>(exact)));
  int64_t beyond = static_cast<int64_t>(part * static_cast<float>(buckets - exact));
  return first + std::min(exact + beyond, buckets - 1);
}

LogicalResult RelativeBiasOp::verify() {
  if (failed(checks::expectBatch(*this, getBatch())) ||
      failed(checks::expectTokens(*this, "batch", getBatch(), getScores(), "the number of tokens")))
    return failure();
  return checks::expectDistances(*this, getBias(), getScores());
}

LogicalResult SoftmaxOp::verify() {
  return getSinks()
             ? checks::expectDim(*this, "sinks", getSinks(), 0, dimOf(getScores(), 1), "the query heads")
             : success();
}

LogicalResult WeightedSumOp::verify() {
  if (failed(checks::expectBatch(*this, getBatch())) ||
      failed(checks::expectGroups(*this, dimOf(getWeights(), 1), dimOf(getValues(), 1))) ||
      failed(checks::expectTokens(*this, "batch", getBatch(), getWeights(), "the number of tokens")) ||
      failed(checks::expectTokens(*this, "result", getResult(), getWeights(), "the number of tokens")) ||
      failed(checks::expectDim(*this, "result", getResult(), 1, dimOf(getWeights(), 1), "the query heads")))
    return failure();
  return checks::expectDim(*this, "result", getResult(), 2, dimOf(getValues(), 2), "the values' head size");
}

//===---------------------------- fused forms -----------------------------===//

LogicalResult AttentionOp::verify() {
  if (failed(checks::expectBatch(*this, getBatch())) ||
      failed(checks::expectGroups(*this, dimOf(getQueries(), 1), dimOf(getKeys(), 1))) ||
      failed(
          checks::expectDim(*this, "queries", getQueries(), 2, dimOf(getKeys(), 2), "the keys' head size")) ||
      failed(checks::expectTokens(*this, "batch", getBatch(), getQueries(), "the number of tokens")) ||
      failed(checks::expectTokens(*this, "result", getResult(), getQueries(), "the number of tokens")) ||
      failed(checks::expectDim(*this, "result", getResult(), 1, dimOf(getQueries(), 1), "the query heads")) ||
      failed(checks::expectTokens(*this, "values", getValues(), getKeys(), "the rows of keys")) ||
      failed(checks::expectDim(*this, "values", getValues(), 1, dimOf(getKeys(), 1), "the key heads")) ||
      failed(
          checks::expectDim(*this, "result", getResult(), 2, dimOf(getValues(), 2), "the values' head size")))
    return failure();
  if (double cap = getSoftCap().convertToDouble(); !(cap >= 0))
    return emitOpError() << "soft_cap is " << cap << ", expected 0 (none) or a positive number";
  if (getBias() && failed(checks::expectDistances(*this, getBias(), getQueries())))
    return failure();
  if (getSinks() && getNormalizer() != Normalizer::softmax)
    return emitOpError() << "has sinks, which only softmax knows";
  return getSinks()
             ? checks::expectDim(*this, "sinks", getSinks(), 0, dimOf(getQueries(), 1), "the query heads")
             : success();
}

LogicalResult ResidualNormOp::verify() {
  return checks::verifyNorm(*this, getKind(), getResidual(), getWeight(), getBias(),
                            getEps().convertToDouble());
}

LogicalResult LinearSplitOp::verify() {
  if (getWeights().empty())
    return emitOpError() << "needs at least one weight";
  if (getWeights().size() != getResults().size())
    return emitOpError() << "has " << getWeights().size() << " weights and " << getResults().size()
                         << " results";
  if (!getBiases().empty() && getBiases().size() != getWeights().size())
    return emitOpError() << "has " << getWeights().size() << " weights and " << getBiases().size()
                         << " biases, expected none or one each";
  for (auto [index, weight] : llvm::enumerate(getWeights()))
    if (failed(checks::verifyLinear(*this, getInput(), weight,
                                    getBiases().empty() ? Value() : getBiases()[index], getResults()[index])))
      return failure();
  return success();
}

LogicalResult FfnOp::verify() {
  int64_t features = dimOf(getInput(), 1), hidden = dimOf(getUp(), 0), outputs = dimOf(getDown(), 0);
  if (failed(checks::expectDim(*this, "up", getUp(), 1, features, "the input's features")) ||
      failed(checks::expectDim(*this, "down", getDown(), 1, hidden, "the rows of up")) ||
      failed(checks::expectTokens(*this, "result", getResult(), getInput(), "the input's rows")) ||
      failed(checks::expectDim(*this, "result", getResult(), 1, outputs, "the rows of down")))
    return failure();
  if (getGate() && (failed(checks::expectDim(*this, "gate", getGate(), 0, hidden, "the rows of up")) ||
                    failed(checks::expectDim(*this, "gate", getGate(), 1, features, "the input's features"))))
    return failure();
  if (getGateBias() && !getGate())
    return emitOpError() << "has a bias of the gate but no gate";
  auto check = [&](StringRef what, Value bias, int64_t size, StringRef source) {
    return bias ? checks::expectDim(*this, what, bias, 0, size, source) : success();
  };
  return success(succeeded(check("gate bias", getGateBias(), hidden, "the rows of gate")) &&
                 succeeded(check("up bias", getUpBias(), hidden, "the rows of up")) &&
                 succeeded(check("down bias", getDownBias(), outputs, "the rows of down")));
}
