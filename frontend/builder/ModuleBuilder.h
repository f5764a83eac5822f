// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The Builder's state and helpers; Builder.h is its interface.

#ifndef ATTUNE_FRONTEND_BUILDER_MODULEBUILDER_H
#define ATTUNE_FRONTEND_BUILDER_MODULEBUILDER_H

#include "dialect/Transformer.h"
#include "frontend/Builder.h"
#include "frontend/Parameters.h"

namespace attune {

/// What code within one layer refers to.
struct LayerScope {
  const Layer &settings;
  std::string prefix; ///< of the kind's function and parameters: "layer", or "layer.2"
  std::string field;  ///< of the kind's first layer in the description: "layers[3]"
  mlir::Value record, layer, batch, angles, cache;
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
  bool checkCache();
  mlir::Type cacheType();
  void emitEntry();
  mlir::Value emitEmbedding(mlir::Value ids, mlir::Value types, mlir::Value batch);
  mlir::Value emitPositions(mlir::Value x, mlir::Value batch);
  mlir::Value emitRuns(mlir::Value x, mlir::Value batch, mlir::Value cache);
  mlir::Value emitLiteral(mlir::Value batch, mlir::Value cache);
  mlir::Value emitFinal(mlir::Value x);
  mlir::Value emitLogits(mlir::Value x, mlir::Value rows);
  mlir::Value emitHeadTransform(const HeadTransform &transform, mlir::Value x);
  mlir::Value literalRows(llvm::StringRef input, mlir::Value batch);
  mlir::Value anglesOf(const Layer &layer, mlir::Value batch);

  // Layers.cpp
  void emitLayerFunction(int64_t kind);
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
  QueriesKeysValues emitProjections(const LayerScope &scope, const Attention &attention, mlir::Value x);
  mlir::Value rotate(const LayerScope &scope, const Rotary &rotary, mlir::Value heads);
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
  void declareLayerParameters(int64_t kind);
  void declareParameter(const Parameter &parameter, const std::string &symbol,
                        llvm::ArrayRef<int64_t> layers);
  void declareLiteral(const std::string &symbol, llvm::ArrayRef<int64_t> shape, const Literal &value);
  /// The value of a parameter outside the layers.
  mlir::Value weight(llvm::StringRef name);
  mlir::Value weight(const LayerScope &scope, llvm::StringRef name);
  std::string prefixOf(int64_t kind) const;

  // Values.cpp: short forms of operations.
  mlir::Location at(const llvm::Twine &field);
  mlir::RankedTensorType rows(llvm::ArrayRef<int64_t> sizes); ///< ? x sizes, f32
  mlir::Value index(mlir::Location loc, int64_t value);
  mlir::Value linear(mlir::Location loc, mlir::Value x, mlir::Value weight, mlir::Value bias);
  mlir::Value norm(mlir::Location loc, const Norm &norm, mlir::Value x, mlir::Value weight, mlir::Value bias);
  /// A norm whose parameters are `name` and `name.bias`; x itself without a norm.
  mlir::Value normOf(const LayerScope &scope, const std::optional<Norm> &norm, llvm::StringRef name,
                     mlir::Value x);
  mlir::Value normOf(const std::optional<Norm> &norm, llvm::StringRef name, mlir::Value x);
  mlir::Value linearOf(const LayerScope &scope, llvm::StringRef name, bool bias, mlir::Value x);
  mlir::Value scale(mlir::Location loc, mlir::Value x, double factor);
  mlir::Value softCap(mlir::Location loc, mlir::Value x, double cap);
  mlir::Value splitHeads(mlir::Location loc, mlir::Value x, int64_t heads, int64_t size);
  mlir::Value joinHeads(mlir::Location loc, mlir::Value x);
  void tap(mlir::Location loc, llvm::StringRef name, mlir::Value layer, mlir::Value value);

  const Description &model;
  BuilderOptions options;
  Schedule schedule;
  mlir::OpBuilder b;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, mlir::RankedTensorType> types; ///< of the declared parameters, by symbol
  std::vector<std::pair<Rotary, mlir::Value>> angles;  ///< tables that the entry has made
};

} // namespace attune

#endif // ATTUNE_FRONTEND_BUILDER_MODULEBUILDER_H
