// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Graph.h"

#include "dialect/Transformer.h"
#include "frontend/weights/BlockFormat.h"
#include "passes/layout/Formats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

#include <fmt/format.h>

using namespace attune;
using mlir::Operation;
using mlir::RankedTensorType;
using mlir::Value;
using mlir::func::FuncOp;
namespace tf = mlir::transformer;

Cost &Cost::operator+=(const Cost &other) {
  perToken += other.perToken;
  perRow += other.perRow;
  perTokenAndKey += other.perTokenAndKey;
  weightBytes += other.weightBytes;
  sharedBytes += other.sharedBytes;
  tokenBytes += other.tokenBytes;
  return *this;
}

Cost Cost::operator*(double count) const {
  return {perToken * count,    perRow * count,      perTokenAndKey * count,
          weightBytes * count, sharedBytes * count, tokenBytes * count};
}

double Cost::bytesOf(double tokens) const {
  return sharedBytes + std::min(tokens * tokenBytes, std::max(weightBytes - sharedBytes, 0.0));
}

std::string attune::withPrefix(double value, const char *unit) {
  static constexpr const char *kPrefixes[] = {"", "k", "M", "G", "T"};
  size_t prefix = 0;
  for (; value >= 999.5 && prefix + 1 < std::size(kPrefixes); ++prefix)
    value /= 1000;
  return fmt::format("{:.3g} {}{}", value, kPrefixes[prefix], unit);
}

namespace {

/// The static part of a shape: elements per row, or per row and key.
double staticElements(RankedTensorType type) {
  double count = 1;
  for (int64_t size : type.getShape())
    if (!mlir::ShapedType::isDynamic(size))
      count *= static_cast<double>(size);
  return count;
}

int64_t dynamicDimensions(RankedTensorType type) {
  return llvm::count_if(type.getShape(), mlir::ShapedType::isDynamic);
}

double weightBytes(RankedTensorType type) {
  auto storage = storageTypeNamed(tf::stringifyStorageType(tf::storageOf(type)));
  double elements = staticElements(type);
  return storage ? static_cast<double>(storageBytes(*storage, static_cast<int64_t>(elements))) : 4 * elements;
}

class FunctionDescriber {
public:
  FunctionDescriber(mlir::SymbolTable &symbols, const llvm::MapVector<FuncOp, Cost> &layers)
      : symbols(symbols), layers(layers) {}

  GraphFunction describe(FuncOp function, std::string title) {
    prefix = function.getName().str() + ".";
    result.title = std::move(title);
    for (mlir::BlockArgument argument : function.getArguments())
      addArgument(function, argument);
    for (Operation &op : function.getBody().front())
      addOperation(op);
    return std::move(result);
  }

private:
  /// Batches, caches and numbers go nearly everywhere: they are named, not drawn.
  void addArgument(FuncOp function, mlir::BlockArgument argument) {
    auto name = function.getArgAttrOfType<mlir::StringAttr>(argument.getArgNumber(), tf::kNameAttr);
    auto tensor = llvm::dyn_cast<RankedTensorType>(argument.getType());
    bool isBatch = tensor && tensor.getElementType().isInteger(32) && tensor.getRank() == 2;
    if (llvm::isa<tf::CacheType>(argument.getType()))
      named[argument] = name ? name.str() : "cache";
    else if (isBatch)
      named[argument] = name ? name.str() : "batch";
    else if (tensor) {
      if (name && name.getValue() == "output_rows")
        rows.insert(argument);
      addNode({GraphNode::input, name ? name.str() : "input", {shapeText(argument)}, "", {}}, argument);
    }
  }

  void addNode(GraphNode node, mlir::ValueRange values) {
    for (Value value : values)
      nodeOf[value] = result.nodes.size();
    result.nodes.push_back(std::move(node));
  }

  /// Without the layer's name, which stands above.
  std::string nameOf(tf::WeightOp weight) const {
    llvm::StringRef name = weight.getParameter();
    name.consume_front(prefix);
    return name.str();
  }

  std::string dimension(Value value, int64_t index) const {
    return index > 0 ? "K" : rows.contains(value) ? "R" : "T";
  }

  std::string shapeText(Value value) const {
    auto type = llvm::dyn_cast<RankedTensorType>(value.getType());
    if (!type)
      return "";
    std::string text;
    int64_t dynamic = 0;
    for (int64_t size : type.getShape())
      text += (text.empty() ? "" : " \u00d7 ") +
              (mlir::ShapedType::isDynamic(size) ? dimension(value, dynamic++) : std::to_string(size));
    std::string element;
    llvm::raw_string_ostream(element) << type.getElementType();
    text += " " + element;
    if (!type.getElementType().isIntOrFloat() || !dynamic)
      return text;
    double bytes = staticElements(type) * type.getElementTypeBitWidth() / 8;
    return text + ", " + withPrefix(bytes, "B") + " \u00d7 " + dimension(value, 0) +
           (dynamic > 1 ? " \u00d7 K" : "");
  }

  void addOperation(Operation &op) {
    if (llvm::isa<tf::WeightOp, tf::TapOp, mlir::tensor::DimOp, mlir::arith::ConstantOp>(op))
      return;
    if (op.hasTrait<mlir::OpTrait::IsTerminator>())
      return addResults(op);
    if (op.getNumResults() == 0)
      return;
    bool isRows = llvm::isa<tf::GatherOp>(op);
    for (Value operand : op.getOperands())
      isRows |= rows.contains(operand);
    if (isRows)
      rows.insert(op.result_begin(), op.result_end());
    // What only writes a shape another way is not drawn.
    if (llvm::isa<mlir::tensor::ExpandShapeOp, mlir::tensor::CollapseShapeOp, mlir::tensor::CastOp>(op)) {
      if (auto node = nodeOf.find(op.getOperand(0)); node != nodeOf.end())
        nodeOf[op.getResult(0)] = node->second;
      return;
    }
    describeOperation(op);
  }

  void describeOperation(Operation &op) {
    GraphNode node{GraphNode::other, op.getName().stripDialect().str(), {}, "", inputsOf(op)};
    llvm::raw_string_ostream(node.tooltip) << op;
    std::vector<std::string> uses;
    for (Value operand : op.getOperands())
      if (auto name = named.find(operand); name != named.end())
        uses.push_back(name->second);
    Cost cost = costOf(op, node);
    if (auto repeat = llvm::dyn_cast<tf::RepeatOp>(op)) {
      auto layer = symbols.lookup<FuncOp>(repeat.getLayer());
      node.title = fmt::format("{} layers of {}", repeat.getCount(), repeat.getLayer().str());
      node.kind = GraphNode::layers;
      if (auto found = layers.find(layer); found != layers.end())
        cost = found->second * static_cast<double>(repeat.getCount());
    }
    if (!uses.empty())
      node.lines.push_back("with " + llvm::join(uses, ", "));
    for (Value value : op.getResults())
      node.lines.push_back("\u2192 " + shapeText(value));
    if (std::string text = costText(cost); !text.empty())
      node.lines.push_back(text);
    result.cost += cost;
    addNode(std::move(node), op.getResults());
  }

  std::vector<size_t> inputsOf(Operation &op) const {
    std::vector<size_t> inputs;
    for (Value operand : op.getOperands())
      if (auto node = nodeOf.find(operand); node != nodeOf.end() && !llvm::is_contained(inputs, node->second))
        inputs.push_back(node->second);
    return inputs;
  }

  void addResults(Operation &op) {
    for (auto [index, value] : llvm::enumerate(op.getOperands())) {
      auto source = nodeOf.find(value);
      if (source == nodeOf.end())
        continue;
      auto name = op.getParentOfType<FuncOp>().getResultAttrOfType<mlir::StringAttr>(index, tf::kNameAttr);
      result.nodes.push_back(
          {GraphNode::input, name ? name.str() : "result", {shapeText(value)}, "", {source->second}});
    }
  }

  /// Names a weight at the node; adds its bytes to the cost. The operations for each row that need it.
  double addWeight(Operation &op, tf::WeightOp weight, RankedTensorType type, GraphNode &node, Cost &cost) {
    double bytes = weightBytes(type);
    std::string shape =
        llvm::join(llvm::map_range(type.getShape(), [](int64_t n) { return std::to_string(n); }), " \u00d7 ");
    node.lines.push_back(fmt::format("{}: {} {}, {}", nameOf(weight), shape,
                                     tf::stringifyStorageType(tf::storageOf(type)).str(),
                                     withPrefix(bytes, "B")));
    if (counted.insert(weight.getParameter()).second)
      cost.weightBytes += bytes;
    if (auto experts = llvm::dyn_cast<tf::ExpertsOp>(op); experts && type.getRank() == 3) {
      auto chosen = llvm::cast<RankedTensorType>(experts.getExperts().getType());
      double share = staticElements(chosen) / static_cast<double>(type.getDimSize(0));
      cost.tokenBytes += bytes * share;
      node.kind = GraphNode::product;
      return 2 * staticElements(type) * share;
    }
    if (llvm::isa<tf::EmbedOp>(op)) {
      cost.tokenBytes += bytes / static_cast<double>(type.getDimSize(0));
      return 0;
    }
    cost.sharedBytes += bytes;
    if (type.getRank() == 2) {
      node.kind = GraphNode::product;
      return 2 * staticElements(type);
    }
    if (node.kind == GraphNode::other && type.getRank() == 1)
      node.kind = GraphNode::norm;
    return 0;
  }

  Cost costOf(Operation &op, GraphNode &node) {
    Cost cost;
    double perRow = 0, perKey = 0;
    for (Value operand : op.getOperands()) {
      auto weight = operand.getDefiningOp<tf::WeightOp>();
      auto type = llvm::dyn_cast<RankedTensorType>(operand.getType());
      if (weight && type)
        perRow += addWeight(op, weight, type, node, cost);
    }
    if (llvm::isa<tf::AttentionOp, tf::ScoresOp, tf::WeightedSumOp>(op)) {
      // The queries, or what is weighed, against as many elements of each key; and as many for its value.
      auto shaped = [](Value value) { return staticElements(llvm::cast<RankedTensorType>(value.getType())); };
      if (llvm::isa<tf::AttentionOp, tf::ScoresOp>(op))
        perKey += 2 * shaped(op.getOperand(0));
      if (llvm::isa<tf::AttentionOp, tf::WeightedSumOp>(op))
        perKey += 2 * shaped(op.getResult(0));
      node.kind = GraphNode::attention;
    } else if (!llvm::isa<tf::EmbedOp, tf::GatherOp, tf::CacheUpdateOp, tf::CacheReadOp, tf::RepeatOp>(op) &&
               perRow == 0) {
      for (Value value : op.getResults())
        if (auto type = llvm::dyn_cast<RankedTensorType>(value.getType()))
          (dynamicDimensions(type) > 1 ? perKey : perRow) += staticElements(type);
    }
    (rows.contains(op.getResult(0)) ? cost.perRow : cost.perToken) += perRow;
    cost.perTokenAndKey += perKey;
    return cost;
  }

  static std::string costText(const Cost &cost) {
    std::vector<std::string> parts;
    if (cost.perToken)
      parts.push_back(withPrefix(cost.perToken, "FLOP") + " \u00d7 T");
    if (cost.perRow)
      parts.push_back(withPrefix(cost.perRow, "FLOP") + " \u00d7 R");
    if (cost.perTokenAndKey)
      parts.push_back(withPrefix(cost.perTokenAndKey, "FLOP") + " \u00d7 T \u00d7 K");
    return llvm::join(parts, " + ");
  }

  mlir::SymbolTable &symbols;
  const llvm::MapVector<FuncOp, Cost> &layers;
  GraphFunction result;
  std::string prefix;
  llvm::DenseMap<Value, size_t> nodeOf;
  llvm::DenseMap<Value, std::string> named;
  llvm::StringSet<> counted;  ///< parameters whose bytes are
  llvm::DenseSet<Value> rows; ///< values with a row for each wanted row, not for each token
};

} // namespace

Graph attune::describeGraph(mlir::ModuleOp module, std::string name) {
  Graph graph;
  graph.name = std::move(name);
  mlir::SymbolTable symbols(module);
  auto entry = symbols.lookup<FuncOp>("step");
  llvm::MapVector<FuncOp, Cost> layers;
  std::vector<GraphFunction> kinds;
  entry.walk([&](tf::RepeatOp repeat) {
    auto layer = symbols.lookup<FuncOp>(repeat.getLayer());
    if (!layer || layers.contains(layer))
      return;
    kinds.push_back(FunctionDescriber(symbols, layers).describe(layer, "One " + repeat.getLayer().str()));
    layers[layer] = kinds.back().cost;
  });
  graph.functions.push_back(FunctionDescriber(symbols, layers).describe(entry, "The whole model"));
  graph.total = graph.functions.front().cost;
  llvm::append_range(graph.functions, kinds);
  for (mlir::Type type : entry.getArgumentTypes())
    if (auto cache = llvm::dyn_cast<tf::CacheType>(type))
      graph.cacheBytesPerToken += static_cast<double>(cache.getLayers() * cache.getRowBytes());
  return graph;
}
