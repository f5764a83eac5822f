// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The Builder's state and helpers; Builder.h is its interface.

#ifndef ATTUNE_FRONTEND_BUILDER_MODULEBUILDER_H
#define ATTUNE_FRONTEND_BUILDER_MODULEBUILDER_H

#include "dialect/Transformer.h"
#include "frontend/Builder.h"
#include "frontend/Parameters.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace attune {

/// What layers of a run share; values that a layer does not use are null.
struct SharedValues {
  mlir::Value batch, angles, bias, cache;
  mlir::Value sourceBatch, crossCache; ///< of cross-attention: where the source's keys and values are

  /// Those that there are, in the order of a layer's arguments.
  llvm::SmallVector<mlir::Value> list() const;
};

/// What code within one layer refers to.
struct LayerScope : SharedValues {
  const StackView &stack;
  const Layer &settings;
  std::string prefix; ///< of the kind's parameters: "layer", or "encoder.layer.2"
  std::string field;  ///< of the kind's first layer in the description: "layers[3]"
  mlir::Value record, layer;
};

/// What the cache holds of one token.
struct CacheRow {
  int64_t heads, keySize, valueSize;
  bool operator==(const CacheRow &) const = default;
};
CacheRow cacheRowOf(const Attention &attention);

class ModuleBuilder {
public:
  ModuleBuilder(mlir::MLIRContext &context, const Description &model, const BuilderOptions &options);
  mlir::OwningOpRef<mlir::ModuleOp> build();

private:
  // Entry.cpp: the module and its entry.
  using Named = llvm::SmallVector<std::pair<llvm::StringRef, mlir::Type>>;
  /// A public function of named inputs and results, into which operations now go.
  mlir::func::FuncOp beginEntry(llvm::StringRef name, const Named &inputs, const Named &results);
  void emitStep();
  mlir::Value emitLiteral(const SharedValues &shared);
  mlir::Value emitFinal(mlir::Value x);
  mlir::Value emitLogits(mlir::Value x, mlir::Value rows);
  mlir::Value emitHeadTransform(const HeadTransform &transform, mlir::Value x);
  mlir::Value literalRows(llvm::StringRef input, mlir::Value batch);

  // Cache.cpp: what the caches hold.
  bool checkCaches();
  /// Of the layers' attention of one sort; null if no layer has it.
  mlir::Type cacheTypeOf(const Stack &stack, std::optional<Attention> Layer::*attention, int64_t layers);
  /// Of the stack's own keys.
  mlir::Type cacheType(const StackView &stack);
  mlir::Type crossCacheType();
  /// Of a layer's table of distances; null if it has none.
  mlir::Type biasType(const Layer &layer);
  /// Whether later steps need the keys of a stack's tokens.
  bool keepsKeys(const StackView &stack) const;

  // Stack.cpp: from ids to hidden vectors.
  struct TokenInputs {
    mlir::Value ids, batch;
    mlir::Value types = {};       ///< null: the model has no token types
    mlir::Value positionIds = {}; ///< rows of the table of positions; null: by the batch's positions
  };
  mlir::Value emitEmbedding(const StackView &stack, const TokenInputs &inputs);
  mlir::Value emitPositions(const StackView &stack, mlir::Value x, const TokenInputs &inputs);
  mlir::Value emitRuns(const StackView &stack, mlir::Value x, const SharedValues &shared);
  mlir::Value anglesOf(const StackView &stack, const Layer &layer, mlir::Value batch);
  /// The bias of each distance in a stack's self-attention; null if no layer has one.
  mlir::Value distanceBias(const StackView &stack);
  mlir::Value normOf(const StackView &stack, const std::optional<Norm> &norm, llvm::StringRef name,
                     mlir::Value x);
  bool isEncoder(const StackView &stack) const { return !stack.prefix.empty(); }
  const Schedule &scheduleOf(const StackView &stack) const { return schedules[isEncoder(stack)]; }
  /// The name of a tap in this stack: encoder-decoders tell their stacks apart.
  std::string tapName(const StackView &stack, llvm::StringRef encoderDecoder, llvm::StringRef other) const;

  // CrossAttention.cpp: what an encoder-decoder has beside a decoder.
  void emitEncode();
  void emitCrossFunction(int64_t kind);
  std::string crossName(int64_t kind) const;
  mlir::Value emitCrossAttention(const LayerScope &scope, const Attention &attention, mlir::Value x);

  // Layers.cpp
  void emitLayerFunction(const StackView &stack, int64_t kind);
  mlir::Value emitLayer(const LayerScope &scope, mlir::Value x);
  mlir::Value emitBranch(const LayerScope &scope, const Branch &branch, llvm::StringRef name, mlir::Value x,
                         llvm::function_ref<mlir::Value(mlir::Value)> body);
  mlir::Value addBranch(const LayerScope &scope, const Branch &branch, llvm::StringRef name, mlir::Value x,
                        mlir::Value y);
  mlir::Value emitFeedForward(const LayerScope &scope, const FeedForward &ffn, mlir::Value x);
  /// A network whose parameters' names begin with `name`.
  mlir::Value emitNetwork(const LayerScope &scope, const FeedForward &ffn, llvm::StringRef name, bool bias,
                          mlir::Value x);

  // Experts.cpp
  bool checkChoices();
  mlir::Value emitExperts(const LayerScope &scope, const FeedForward &ffn, mlir::Value x);
  mlir::Value emitMixture(const LayerScope &scope, const FeedForward &ffn, mlir::Value x);
  mlir::Value emitSharedExpert(const LayerScope &scope, const FeedForward &ffn, mlir::Value x);

  // AttentionParts.cpp
  struct QueriesKeysValues {
    mlir::Value queries, keys, values; ///< tokens x heads x size
  };
  /// Queries, keys or values: a linear map in `branch`, then a norm if `normName` is given.
  mlir::Value project(const LayerScope &scope, const Attention &attention, llvm::StringRef branch,
                      llvm::StringRef name, llvm::StringRef normName, mlir::Value x);
  QueriesKeysValues emitProjections(const LayerScope &scope, const Attention &attention, mlir::Value x);
  mlir::Value rotate(const LayerScope &scope, const Rotary &rotary, mlir::Value heads);
  /// From queries and a layer's tables of keys and values to the heads' results.
  mlir::Value emitWeighting(const LayerScope &scope, const Attention &attention, llvm::StringRef branch,
                            QueriesKeysValues tables, mlir::Value batch, llvm::StringRef weightsTap);
  /// From queries, keys and values to the heads' results, side by side.
  mlir::Value emitAttentionCore(const LayerScope &scope, const Attention &attention, QueriesKeysValues qkv);
  mlir::Value emitAttention(const LayerScope &scope, const Attention &attention, mlir::Value x);

  // LatentAttention.cpp
  mlir::Value lastPart(mlir::Location loc, mlir::Value x, int64_t first, int64_t size);
  /// Queries of the latent vector, and that vector as the only key and value; rotated.
  QueriesKeysValues emitLatentProjections(const LayerScope &scope, const Attention &attention, mlir::Value x);
  mlir::Value emitLatentValues(const LayerScope &scope, const Attention &attention, mlir::Value heads);

  // ParameterSymbols.cpp
  void declareParameters();
  void declareLayerParameters(const StackView &stack, int64_t kind);
  void declareParameter(const Parameter &parameter, const std::string &symbol,
                        llvm::ArrayRef<int64_t> layers);
  void declareLiteral(const std::string &symbol, llvm::ArrayRef<int64_t> shape, const Literal &value);
  /// The value of a parameter outside the layers.
  mlir::Value weight(llvm::StringRef name);
  mlir::Value weight(const LayerScope &scope, llvm::StringRef name);
  std::string prefixOf(const StackView &stack, int64_t kind) const;

  // Values.cpp: short forms of operations.
  mlir::Location at(const llvm::Twine &field);
  mlir::RankedTensorType rows(llvm::ArrayRef<int64_t> sizes); ///< ? x sizes, f32
  mlir::Value index(mlir::Location loc, int64_t value);
  mlir::Value linear(mlir::Location loc, mlir::Value x, mlir::Value weight, mlir::Value bias);
  mlir::Value norm(mlir::Location loc, const Norm &norm, mlir::Value x, mlir::Value weight, mlir::Value bias);
  /// A norm whose parameters are `name` and `name.bias`; x itself without a norm.
  mlir::Value normOf(const LayerScope &scope, const std::optional<Norm> &norm, llvm::StringRef name,
                     mlir::Value x);
  mlir::Value normOf(const std::optional<Norm> &norm, llvm::StringRef name, mlir::Value x) {
    return normOf(stacks[0], norm, name, x);
  }
  mlir::Value linearOf(const LayerScope &scope, llvm::StringRef name, bool bias, mlir::Value x);
  mlir::Value scale(mlir::Location loc, mlir::Value x, double factor);
  mlir::Value softCap(mlir::Location loc, mlir::Value x, double cap);
  mlir::Value splitHeads(mlir::Location loc, mlir::Value x, int64_t heads, int64_t size);
  mlir::Value joinHeads(mlir::Location loc, mlir::Value x);
  void tap(mlir::Location loc, llvm::StringRef name, mlir::Value layer, mlir::Value value);

  const Description &model;
  BuilderOptions options;
  std::vector<StackView> stacks;   ///< the model's own, then the encoder beside it, if there is one
  std::vector<Schedule> schedules; ///< of the same
  mlir::OpBuilder b;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, mlir::RankedTensorType> types; ///< of the declared parameters, by symbol
  std::vector<std::pair<Rotary, mlir::Value>> angles;  ///< tables that the entry has made
};

} // namespace attune

#endif // ATTUNE_FRONTEND_BUILDER_MODULEBUILDER_H
