// RUN: attune-opt %s --kernel-add-likeliest | FileCheck %s

// An entry that makes logits says which token is the likeliest of each row as well; another one, which of them are the 64 likeliest.
// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[LOGITS:[^ ]+]]: memref<?x5000xf32>
// CHECK-SAME:    %[[TOKENS:[^ ]+]]: memref<?x1xi32> {kernel.role = "choice", transformer.name = "likeliest"}
// CHECK-NEXT:    kernel.likeliest ins(%[[LOGITS]] : memref<?x5000xf32>) outs(%[[TOKENS]] : memref<?x1xi32>)
// CHECK-LABEL: func.func @step_candidates(
// CHECK-SAME:    %[[LOGITS:[^ ]+]]: memref<?x5000xf32> {kernel.role = "input", transformer.name = "logits"}
// CHECK-SAME:    %[[TEMPERATURES:[^ ]+]]: memref<?xf32> {kernel.role = "input", transformer.name = "temperatures"}
// CHECK-SAME:    %[[PARTIALS:[^ ]+]]: memref<?x3x64xi32> {kernel.role = "scratch", transformer.name = "partial_tokens"}
// CHECK-SAME:    %[[MASSES:[^ ]+]]: memref<?x3xf32> {kernel.role = "scratch", transformer.name = "partial_masses"}
// CHECK-SAME:    %[[TOKENS:[^ ]+]]: memref<?x64xi32> {kernel.role = "choice", transformer.name = "candidates"}
// CHECK-SAME:    %[[VALUES:[^ ]+]]: memref<?x65xf32> {kernel.role = "choice", transformer.name = "candidate_values"}
// CHECK-NEXT:    kernel.likeliest ins(%[[LOGITS]] : memref<?x5000xf32>) temperatures(%[[TEMPERATURES]] : memref<?xf32>) partials(%[[PARTIALS]], %[[MASSES]] : memref<?x3x64xi32>, memref<?x3xf32>) outs(%[[TOKENS]] : memref<?x64xi32>) values(%[[VALUES]] : memref<?x65xf32>)
func.func @step(%logits: memref<?x5000xf32> {kernel.role = "output", transformer.name = "logits"}, %w: memref<?xi8> {kernel.role = "weights", transformer.name = "weights"}) {
  return
}

// All that an entry with taps makes is looked at.
// CHECK-LABEL: func.func @step_taps(
// CHECK-NOT:     kernel.likeliest
func.func @step_taps(%logits: memref<?x96xf32> {kernel.role = "output", transformer.name = "logits"}, %x: memref<?x64xf32> {kernel.role = "tap", transformer.name = "embedding"}) {
  return
}

// Other outputs are no choice of a token, and logits that are read are none to be made.
// CHECK-LABEL: func.func @encode(
// CHECK-NOT:     kernel.likeliest
func.func @encode(%hidden: memref<?x64xf32> {kernel.role = "output", transformer.name = "last_hidden_state"}, %logits: memref<?x96xf32> {transformer.name = "logits"}) {
  return
}

// CHECK-LABEL: func.func private @layer(
// CHECK-NOT:     kernel.likeliest
func.func private @layer(%logits: memref<?x96xf32> {kernel.role = "output", transformer.name = "logits"}) {
  return
}
