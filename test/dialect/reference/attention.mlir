// RUN: attune-reference %s | FileCheck %s
// Grouped attention of two sequences in one ragged batch, in its parts and fused: 4 query heads over 2 key heads, a
// sequence of 3 tokens and the last two tokens of one of 4 keys. Expected values from an independent NumPy model.

func.func private @inputs() -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) {
  %q = arith.constant dense<[[[1.0, 0.25], [0.5, 1.0], [0.25, 0.5], [0.75, -0.5]], [[-1.0, -0.5], [-0.5, 0.75], [1.0, -1.0], [0.0, 0.75]], [[-0.75, 0.75], [-0.75, 0.0], [0.75, -0.5], [-0.25, -0.5]], [[0.5, -0.5], [1.0, 0.0], [0.0, 0.0], [0.25, 0.0]], [[0.0, 1.0], [0.75, 0.75], [0.5, 0.25], [-0.25, 1.0]]]> : tensor<5x4x2xf32>
  %k = arith.constant dense<[[[0.0, -0.75], [0.75, -0.75]], [[0.75, 0.25], [-0.75, -1.0]], [[0.0, -1.0], [-0.75, 0.0]], [[1.0, 0.0], [0.75, 1.0]], [[0.75, 0.25], [-0.25, 0.0]], [[-0.5, 0.0], [-0.25, -0.5]], [[1.0, -1.0], [-1.0, -0.75]]]> : tensor<7x2x2xf32>
  %v = arith.constant dense<[[[1.0, 0.5], [0.75, -0.75]], [[0.5, -0.25], [0.0, -1.0]], [[0.25, 0.75], [0.25, -0.75]], [[0.0, -0.5], [1.0, 0.75]], [[-0.75, 0.0], [1.0, 0.75]], [[0.5, 0.25], [-1.0, 0.5]], [[0.0, -1.0], [-0.5, 0.0]]]> : tensor<7x2x2xf32>
  %batch = arith.constant dense<[[0, 0, 3], [1, 0, 3], [2, 0, 3], [2, 3, 4], [3, 3, 4]]> : tensor<5x3xi32>
  %0 = tensor.cast %q : tensor<5x4x2xf32> to tensor<?x4x2xf32>
  %1 = tensor.cast %k : tensor<7x2x2xf32> to tensor<?x2x2xf32>
  %2 = tensor.cast %v : tensor<7x2x2xf32> to tensor<?x2x2xf32>
  %3 = tensor.cast %batch : tensor<5x3xi32> to tensor<?x3xi32>
  return %0, %1, %2, %3 : tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>
}

// Query i of n sees the keys up to i + keys - n.
// CHECK: causal#0: tensor<5x4x4xf32> {{\[\[\[}}1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], {{\[\[}}0.651355, 0.348645, 0, 0], [0.453262, 0.546738, 0, 0], [0.651355, 0.348645, 0, 0], [0.52342, 0.47658, 0, 0]], {{\[\[}}0.332359, 0.365025, 0.302616, 0], [0.362998, 0.274005, 0.362998, 0], [0.481024, 0.291756, 0.22722, 0], [0.304504, 0.390991, 0.304504, 0]], {{\[\[}}0.389137, 0.343413, 0.26745, 0], [0.424653, 0.374755, 0.200592, 0], [0.333333, 0.333333, 0.333333, 0], [0.361664, 0.319168, 0.319168, 0]], {{\[\[}}0.267403, 0.303007, 0.267403, 0.162188], [0.307024, 0.307024, 0.174937, 0.211014], [0.350664, 0.241008, 0.226406, 0.181922], [0.364785, 0.250713, 0.195255, 0.189248]]]
// CHECK: causal#1: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.825677, 0.238516], [0.726631, 0.0899464], [0.488516, -0.837161], [0.392565, -0.869145]], {{\[\[}}0.590525, 0.301885], [0.590749, 0.385246], [0.417573, -0.822939], [0.304504, -0.847748]], {{\[\[}}-0.123834, -0.127706], [-0.18077, -0.162179], [0.333333, 0.666667], [0.361664, 0.670208]], {{\[\[}}-0.0935538, -0.229039], [-0.1428, -0.320792], [0.274305, 0.556957], [0.325618, 0.55925]]]
// CHECK: causal#2: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.825677, 0.238516], [0.726631, 0.0899464], [0.488516, -0.837161], [0.392565, -0.869145]], {{\[\[}}0.590525, 0.301885], [0.590749, 0.385246], [0.417573, -0.822939], [0.304504, -0.847748]], {{\[\[}}-0.123834, -0.127706], [-0.18077, -0.162179], [0.333333, 0.666667], [0.361664, 0.670208]], {{\[\[}}-0.0935538, -0.229039], [-0.1428, -0.320792], [0.274305, 0.556957], [0.325618, 0.55925]]]
func.func @causal() -> (tensor<?x4x?xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true>, scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  return %p, %o, %f : tensor<?x4x?xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// A window of 2: a token and the one before.
// CHECK: window#0: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.825677, 0.238516], [0.726631, 0.0899464], [0.488516, -0.837161], [0.392565, -0.869145]], {{\[\[}}0.386685, 0.203262], [0.357537, 0.319853], [0.109456, -0.890544], [0.109456, -0.890544]], {{\[\[}}-0.202721, 0.109456], [-0.314194, 0.0871613], [0, 0.625], [0, 0.625]], {{\[\[}}0.31123, -0.221926], [0.226631, -0.433423], [-0.777235, 0.277235], [-0.753906, 0.253906]]]
// CHECK: window#1: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.825677, 0.238516], [0.726631, 0.0899464], [0.488516, -0.837161], [0.392565, -0.869145]], {{\[\[}}0.386685, 0.203262], [0.357537, 0.319853], [0.109456, -0.890544], [0.109456, -0.890544]], {{\[\[}}-0.202721, 0.109456], [-0.314194, 0.0871613], [0, 0.625], [0, 0.625]], {{\[\[}}0.31123, -0.221926], [0.226631, -0.433423], [-0.777235, 0.277235], [-0.753906, 0.253906]]]
func.func @window() -> (tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 2>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 2>, scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  return %o, %f : tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// Chunks of 2: positions 2 and 3 do not see 0 and 1.
// CHECK: chunk#0: tensor<5x4x4xf32> {{\[\[\[}}1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], {{\[\[}}0.651355, 0.348645, 0, 0], [0.453262, 0.546738, 0, 0], [0.651355, 0.348645, 0, 0], [0.52342, 0.47658, 0, 0]], {{\[\[}}0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]], {{\[\[}}0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]], {{\[\[}}0, 0, 0.622459, 0.377541], [0, 0, 0.453262, 0.546738], [0, 0, 0.55447, 0.44553], [0, 0, 0.507812, 0.492188]]]
// CHECK: chunk#1: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.825677, 0.238516], [0.726631, 0.0899464], [0.488516, -0.837161], [0.392565, -0.869145]], {{\[\[}}0.25, 0.75], [0.25, 0.75], [0.25, -0.75], [0.25, -0.75]], {{\[\[}}0.5, 0.25], [0.5, 0.25], [-1, 0.5], [-1, 0.5]], {{\[\[}}0.31123, -0.221926], [0.226631, -0.433423], [-0.777235, 0.277235], [-0.753906, 0.253906]]]
// CHECK: chunk#2: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.825677, 0.238516], [0.726631, 0.0899464], [0.488516, -0.837161], [0.392565, -0.869145]], {{\[\[}}0.25, 0.75], [0.25, 0.75], [0.25, -0.75], [0.25, -0.75]], {{\[\[}}0.5, 0.25], [0.5, 0.25], [-1, 0.5], [-1, 0.5]], {{\[\[}}0.31123, -0.221926], [0.226631, -0.433423], [-0.777235, 0.277235], [-0.753906, 0.253906]]]
func.func @chunk() -> (tensor<?x4x?xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, chunk = 2>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, chunk = 2>, scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  return %p, %o, %f : tensor<?x4x?xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// An encoder: only keys past the count are hidden.
// CHECK: bidirectional#0: tensor<5x4x2xf32> {{\[\[\[}}0.571226, 0.225195], [0.572167, 0.171699], [0.359867, -0.820066], [0.417573, -0.822939]], {{\[\[}}0.589961, 0.447948], [0.58739, 0.282771], [0.446883, -0.821947], [0.334188, -0.820358]], {{\[\[}}0.590525, 0.301885], [0.590749, 0.385246], [0.417573, -0.822939], [0.304504, -0.847748]], {{\[\[}}-0.0825749, -0.41834], [-0.126887, -0.411912], [0.125, 0.5], [0.167644, 0.519297]], {{\[\[}}-0.0935538, -0.229039], [-0.1428, -0.320792], [0.274305, 0.556957], [0.325618, 0.55925]]]
// CHECK: bidirectional#1: tensor<5x4x2xf32> {{\[\[\[}}0.571226, 0.225195], [0.572167, 0.171699], [0.359867, -0.820066], [0.417573, -0.822939]], {{\[\[}}0.589961, 0.447948], [0.58739, 0.282771], [0.446883, -0.821947], [0.334188, -0.820358]], {{\[\[}}0.590525, 0.301885], [0.590749, 0.385246], [0.417573, -0.822939], [0.304504, -0.847748]], {{\[\[}}-0.0825749, -0.41834], [-0.126887, -0.411912], [0.125, 0.5], [0.167644, 0.519297]], {{\[\[}}-0.0935538, -0.229039], [-0.1428, -0.320792], [0.274305, 0.556957], [0.325618, 0.55925]]]
func.func @bidirectional() -> (tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<>, scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  return %o, %f : tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// A window both ways.
// CHECK: window_bidirectional#0: tensor<5x4x2xf32> {{\[\[\[}}0.68877, 0.0331555], [0.667295, 0.000942081], [0.421632, -0.859456], [0.466844, -0.844385]], {{\[\[}}0.589961, 0.447948], [0.58739, 0.282771], [0.446883, -0.821947], [0.334188, -0.820358]], {{\[\[}}0.386685, 0.203262], [0.357537, 0.319853], [0.109456, -0.890544], [0.109456, -0.890544]], {{\[\[}}-0.11151, -0.389725], [-0.18077, -0.374505], [-0.166667, 0.416667], [-0.156418, 0.429478]], {{\[\[}}0.31123, -0.221926], [0.226631, -0.433423], [-0.777235, 0.277235], [-0.753906, 0.253906]]]
// CHECK: window_bidirectional#1: tensor<5x4x2xf32> {{\[\[\[}}0.68877, 0.0331555], [0.667295, 0.000942081], [0.421632, -0.859456], [0.466844, -0.844385]], {{\[\[}}0.589961, 0.447948], [0.58739, 0.282771], [0.446883, -0.821947], [0.334188, -0.820358]], {{\[\[}}0.386685, 0.203262], [0.357537, 0.319853], [0.109456, -0.890544], [0.109456, -0.890544]], {{\[\[}}-0.11151, -0.389725], [-0.18077, -0.374505], [-0.166667, 0.416667], [-0.156418, 0.429478]], {{\[\[}}0.31123, -0.221926], [0.226631, -0.433423], [-0.777235, 0.277235], [-0.753906, 0.253906]]]
func.func @window_bidirectional() -> (tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<window = 2>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<window = 2>, scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  return %o, %f : tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// The cap comes after the scale and before the mask.
// CHECK: soft_capped#0: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.814873, 0.22231], [0.729763, 0.094645], [0.43634, -0.854553], [0.386745, -0.871085]], {{\[\[}}0.587869, 0.30974], [0.590091, 0.380635], [0.400392, -0.826017], [0.309774, -0.845113]], {{\[\[}}-0.123768, -0.124821], [-0.174472, -0.146877], [0.333333, 0.666667], [0.361405, 0.670176]], {{\[\[}}-0.0911752, -0.244734], [-0.133601, -0.322438], [0.258211, 0.549853], [0.301995, 0.552187]]]
// CHECK: soft_capped#1: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.814873, 0.22231], [0.729763, 0.094645], [0.43634, -0.854553], [0.386745, -0.871085]], {{\[\[}}0.587869, 0.30974], [0.590091, 0.380635], [0.400392, -0.826017], [0.309774, -0.845113]], {{\[\[}}-0.123768, -0.124821], [-0.174472, -0.146877], [0.333333, 0.666667], [0.361405, 0.670176]], {{\[\[}}-0.0911752, -0.244734], [-0.133601, -0.322438], [0.258211, 0.549853], [0.301995, 0.552187]]]
func.func @soft_capped() -> (tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %c = transformer.soft_cap %s {cap = 0.5 : f64} : tensor<?x4x?xf32>
  %m = transformer.mask %c, %batch {mask = #transformer.mask<causal = true>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true>, scale = 0.5 : f64, soft_cap = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  return %o, %f : tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// A sink takes part of each row and gives nothing.
// CHECK: sinks#0: tensor<5x4x4xf32> {{\[\[\[}}0.355775, 0, 0, 0], [0.651355, 0, 0, 0], [0.109706, 0, 0, 0], [0.615088, 0, 0, 0]], {{\[\[}}0.344578, 0.184439, 0, 0], [0.371252, 0.447815, 0, 0], [0.198981, 0.106507, 0, 0], [0.309091, 0.28143, 0, 0]], {{\[\[}}0.192567, 0.211494, 0.175334, 0], [0.320234, 0.241725, 0.320234, 0], [0.14919, 0.0904885, 0.0704725, 0], [0.238405, 0.306119, 0.238405, 0]], {{\[\[}}0.259483, 0.228993, 0.17834, 0], [0.387899, 0.342319, 0.18323, 0], [0.0962551, 0.0962551, 0.0962551, 0], [0.272072, 0.240102, 0.240102, 0]], {{\[\[}}0.185584, 0.210294, 0.185584, 0.112562], [0.284907, 0.284907, 0.162335, 0.195814], [0.121099, 0.0832303, 0.0781876, 0.0628255], [0.293471, 0.2017, 0.157084, 0.152251]]]
// CHECK: sinks#1: tensor<5x4x2xf32> {{\[\[\[}}0.355775, 0.177887], [0.651355, 0.325677], [0.0822793, -0.0822793], [0.461316, -0.461316]], {{\[\[}}0.436798, 0.126179], [0.595159, 0.0736721], [0.149236, -0.255743], [0.231818, -0.513248]], {{\[\[}}0.342147, 0.174911], [0.521155, 0.339861], [0.129511, -0.255236], [0.238405, -0.663727]], {{\[\[}}-0.0825749, -0.0851566], [-0.165124, -0.148142], [0.0962551, 0.19251], [0.272072, 0.504181]], {{\[\[}}-0.0649286, -0.158958], [-0.132513, -0.297684], [0.0947293, 0.192341], [0.261962, 0.44992]]]
// CHECK: sinks#2: tensor<5x4x2xf32> {{\[\[\[}}0.355775, 0.177887], [0.651355, 0.325677], [0.0822793, -0.0822793], [0.461316, -0.461316]], {{\[\[}}0.436798, 0.126179], [0.595159, 0.0736721], [0.149236, -0.255743], [0.231818, -0.513248]], {{\[\[}}0.342147, 0.174911], [0.521155, 0.339861], [0.129511, -0.255236], [0.238405, -0.663727]], {{\[\[}}-0.0825749, -0.0851566], [-0.165124, -0.148142], [0.0962551, 0.19251], [0.272072, 0.504181]], {{\[\[}}-0.0649286, -0.158958], [-0.132513, -0.297684], [0.0947293, 0.192341], [0.261962, 0.44992]]]
func.func @sinks() -> (tensor<?x4x?xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %sinks = arith.constant dense<[0.5, -1.0, 2.0, 0.0]> : tensor<4xf32>
  %p = transformer.softmax %m sinks %sinks : tensor<4xf32> : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch sinks(%sinks) {mask = #transformer.mask<causal = true>, scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>, tensor<4xf32>) -> tensor<?x4x2xf32>
  return %p, %o, %f : tensor<?x4x?xf32>, tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// The plain sum in place of softmax; signs are kept, and a row whose sum is 0 (fourth token, third head) is zeros.
// CHECK: sums#0: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.125, -0.8125], [0.875, 0.3125], [0.642857, -0.785714], [0.321429, -0.892857]], {{\[\[}}0.555556, 0.444444], [0.5, -0.25], [1.8, -0.7], [0.176471, -0.911765]], {{\[\[}}-0.625, -0.625], [-0.65, -0.5], [0, 0], [3, 1]], {{\[\[}}0.25, -1.33333], [-0.666667, -0.416667], [-2.5, -0.571429], [-25, -7]]]
// CHECK: sums#1: tensor<5x4x2xf32> {{\[\[\[}}1, 0.5], [1, 0.5], [0.75, -0.75], [0.75, -0.75]], {{\[\[}}0.125, -0.8125], [0.875, 0.3125], [0.642857, -0.785714], [0.321429, -0.892857]], {{\[\[}}0.555556, 0.444444], [0.5, -0.25], [1.8, -0.7], [0.176471, -0.911765]], {{\[\[}}-0.625, -0.625], [-0.65, -0.5], [0, 0], [3, 1]], {{\[\[}}0.25, -1.33333], [-0.666667, -0.416667], [-2.5, -0.571429], [-25, -7]]]
func.func @sums() -> (tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %q, %k, %v, %batch = call @inputs() : () -> (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>)
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.sum_normalize %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x4x?xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true>, scale = 0.5 : f64, normalizer = #transformer.normalizer<sum>} : (tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x3xi32>) -> tensor<?x4x2xf32>
  return %o, %f : tensor<?x4x2xf32>, tensor<?x4x2xf32>
}
