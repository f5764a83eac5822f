// RUN: attune-lsp-server -lit-test < %s | FileCheck %s
// An editor opens a module with an operation of ours that does not verify, then one with no error.
{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"processId":123,"rootPath":"attune","capabilities":{},"trace":"off"}}
// CHECK: "id": 0
// CHECK: "definitionProvider": true
// CHECK: "hoverProvider": true
// -----
{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{
  "uri":"test:///broken.mlir",
  "languageId":"mlir",
  "version":1,
  "text":"func.func @f(%a: tensor<?x8xf32>, %b: tensor<4x9xf32>) -> tensor<?x4xf32> {\n  %0 = transformer.linear %a, %b : (tensor<?x8xf32>, tensor<4x9xf32>) -> tensor<?x4xf32>\n  return %0 : tensor<?x4xf32>\n}"
}}}
// CHECK: "method": "textDocument/publishDiagnostics"
// CHECK: "message": "'transformer.linear' op
// CHECK: "line": 1
// CHECK: "uri": "test:///broken.mlir"
// -----
{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{
  "uri":"test:///sound.mlir",
  "languageId":"mlir",
  "version":1,
  "text":"func.func @f(%a: tensor<?x8xf32>) -> tensor<?x8xf32> {\n  %0 = transformer.activation gelu_tanh %a : tensor<?x8xf32>\n  return %0 : tensor<?x8xf32>\n}"
}}}
// CHECK: "method": "textDocument/publishDiagnostics"
// CHECK: "diagnostics": []
// CHECK: "uri": "test:///sound.mlir"
// -----
{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{"textDocument":{"uri":"test:///sound.mlir"},"position":{"line":1,"character":10}}}
// CHECK: "id": 1
// CHECK: transformer.activation
// -----
{"jsonrpc":"2.0","id":2,"method":"shutdown"}
// -----
{"jsonrpc":"2.0","method":"exit"}
