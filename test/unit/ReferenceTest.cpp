// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What callers of the reference interpreter give and get besides results: parameters, taps, the observer,
// arguments, precision. What operations compute is tested in test/dialect/reference.

#include "dialect/reference/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

namespace {

class ReferenceTest : public testing::Test {
protected:
  ReferenceTest() {
    context.loadDialect<TransformerDialect, arith::ArithDialect, func::FuncDialect, tensor::TensorDialect>();
  }

  /// The function @main of a module.
  func::FuncOp parse(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return module->lookupSymbol<func::FuncOp>("main");
  }

  static RuntimeValue tensor(ArrayRef<int64_t> shape, ArrayRef<double> data) {
    return runtimeValue(Tensor::of(shape, data));
  }
  static std::vector<double> elements(const RuntimeValue &value) { return std::get<0>(value)->data().vec(); }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

constexpr char layeredModel[] = R"(
  transformer.parameter @w : tensor<1x2xf32, #transformer.stored<q4_0>> source "blk.{}.w" layers [3, 5]
  func.func @main(%x: tensor<?x2xf32>, %record: index) -> tensor<?x1xf32> {
    %w = transformer.weight @w[%record] : tensor<1x2xf32, #transformer.stored<q4_0>>
    %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<1x2xf32, #transformer.stored<q4_0>>) -> tensor<?x1xf32>
    transformer.tap "y"[%record], %y : tensor<?x1xf32>
    return %y : tensor<?x1xf32>
  })";

TEST_F(ReferenceTest, AsksForParametersByRecord) {
  func::FuncOp main = parse(layeredModel);
  ReferenceOptions options;
  options.parameters = [](ParameterOp parameter, int64_t record) -> llvm::Expected<Tensor> {
    EXPECT_EQ(parameter.getSourceName(record), "blk.5.w");
    return Tensor::of({1, 2}, {10, 100});
  };
  RuntimeValue record = runtimeValue(Tensor::scalar(1, ElementKind::integer));
  auto results = run(main, {tensor({1, 2}, {1, 2}), record}, options);
  ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
  EXPECT_EQ(elements(results->front()), std::vector<double>{210});
}

TEST_F(ReferenceTest, RefusesParametersOfAnotherShapeAndPassesErrorsOn) {
  func::FuncOp main = parse(layeredModel);
  ReferenceOptions options;
  RuntimeValue record = runtimeValue(Tensor::scalar(0, ElementKind::integer));
  options.parameters = [](ParameterOp, int64_t) -> llvm::Expected<Tensor> {
    return Tensor::of({2, 1}, {10, 100});
  };
  auto wrongShape = run(main, {tensor({1, 2}, {1, 2}), record}, options);
  ASSERT_FALSE(bool(wrongShape));
  EXPECT_NE(llvm::toString(wrongShape.takeError()).find("got reals of shape [2, 1]"), std::string::npos);
  options.parameters = [](ParameterOp, int64_t) -> llvm::Expected<Tensor> {
    return llvm::createStringError("the file is cut short");
  };
  auto failed = run(main, {tensor({1, 2}, {1, 2}), record}, options);
  ASSERT_FALSE(bool(failed));
  EXPECT_NE(llvm::toString(failed.takeError()).find("'transformer.weight' the file is cut short"),
            std::string::npos);
}

TEST_F(ReferenceTest, ReportsTapsAndEachOperationInOrder) {
  func::FuncOp main = parse(layeredModel);
  std::vector<std::string> seen;
  ReferenceOptions options;
  options.parameters = [](ParameterOp, int64_t) -> llvm::Expected<Tensor> {
    return Tensor::of({1, 2}, {1, 1});
  };
  options.taps = [&](StringRef name, std::optional<int64_t> layer, const Tensor &value, Type) {
    seen.push_back(("tap " + name + " " + Twine(*layer) + " of " + Twine(value.size())).str());
  };
  options.observer = [&](Operation *op, ArrayRef<RuntimeValue> results) {
    seen.push_back((op->getName().getStringRef() + " " + Twine(results.size())).str());
  };
  RuntimeValue record = runtimeValue(Tensor::scalar(1, ElementKind::integer));
  auto results = run(main, {tensor({3, 2}, {1, 2, 3, 4, 5, 6}), record}, options);
  ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
  EXPECT_EQ(seen, (std::vector<std::string>{"transformer.weight 1", "transformer.linear 1", "tap y 1 of 3",
                                            "transformer.tap 0"}));
}

TEST_F(ReferenceTest, KnowsEveryOperationOfTheDialect) {
  for (RegisteredOperationName name : context.getRegisteredOperationsByDialect("transformer"))
    if (name.getTypeID() != TypeID::get<ParameterOp>()) // a symbol, not executed
      EXPECT_TRUE(Evaluators::all().find(name.getTypeID())) << name.getStringRef().str();
}

TEST_F(ReferenceTest, ChecksArguments) {
  func::FuncOp main =
      parse("func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> { return %x : tensor<?x2xf32> }");
  std::vector<std::vector<RuntimeValue>> wrong = {
      {},
      {tensor({2, 3}, {0, 0, 0, 0, 0, 0})},
      {tensor({2}, {0, 0})},
      {runtimeValue(Tensor::of({1, 2}, {0, 0}, ElementKind::integer))},
      {std::shared_ptr<const Tensor>()},
      {std::shared_ptr<CacheValue>()}};
  for (const std::vector<RuntimeValue> &arguments : wrong) {
    auto results = run(main, arguments);
    EXPECT_FALSE(bool(results));
    llvm::consumeError(results.takeError());
  }
}

TEST_F(ReferenceTest, RoundsToFloatsOnlyWhenAsked) {
  func::FuncOp main = parse(R"(
    func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
      %y = arith.divf %x, %x : tensor<1xf32>
      %three = arith.constant dense<3.0> : tensor<1xf32>
      %z = arith.divf %y, %three : tensor<1xf32>
      return %z : tensor<1xf32>
    })");
  for (Precision precision : {Precision::f64, Precision::f32}) {
    ReferenceOptions options;
    options.precision = precision;
    auto results = run(main, {tensor({1}, {7})}, options);
    ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
    EXPECT_EQ(elements(results->front()).front(),
              precision == Precision::f64 ? 1.0 / 3.0 : double(1.0f / 3.0f));
  }
}

TEST_F(ReferenceTest, StopsAfterAGivenNumberOfOperations) {
  func::FuncOp main = parse(R"(
    func.func private @layer(%x: tensor<1x1xf32>, %record: index, %layer: index) -> tensor<1x1xf32> {
      %y = arith.addf %x, %x : tensor<1x1xf32>
      return %y : tensor<1x1xf32>
    }
    func.func @main(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
      %y = transformer.repeat @layer(%x) {count = 9000000000000000000 : i64, first = 0 : i64, record = 0 : i64}
          : (tensor<1x1xf32>) -> tensor<1x1xf32>
      return %y : tensor<1x1xf32>
    })");
  ReferenceOptions options;
  options.maxOperations = 1000;
  auto results = run(main, {tensor({1, 1}, {1})}, options);
  ASSERT_FALSE(bool(results));
  EXPECT_NE(llvm::toString(results.takeError()).find("the limit is 1000"), std::string::npos);
}

TEST_F(ReferenceTest, CacheKeepsWhatCallsWrote) {
  func::FuncOp main = parse(R"(
    func.func @main(%cache: !transformer.cache<1 x 1 x 1 x 1 x bf16>, %x: tensor<1x1x1xf32>) {
      %c0 = arith.constant 0 : index
      %batch = arith.constant dense<[[1, 0, 2]]> : tensor<1x3xi32>
      %K, %V = transformer.cache_update %cache[%c0], %x, %x, %batch : !transformer.cache<1 x 1 x 1 x 1 x bf16>,
          tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x3xi32> -> tensor<?x1x1xbf16>, tensor<?x1x1xbf16>
      return
    })");
  auto cache = CacheValue::create(cast<CacheType>(main.getArgumentTypes()[0]), 2);
  ASSERT_TRUE(bool(cache));
  auto results = run(main, {*cache, tensor({1, 1, 1}, {0.1})});
  ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
  EXPECT_EQ((*cache)->keys(0).data()[1], 0.10009765625);
  EXPECT_TRUE(std::isnan((*cache)->values(0).data()[0]));
  auto tooLarge = CacheValue::create(cast<CacheType>(main.getArgumentTypes()[0]), int64_t{1} << 40);
  EXPECT_FALSE(bool(tooLarge));
  llvm::consumeError(tooLarge.takeError());
}

} // namespace
