; Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
; SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

; Kernels of OpenClTest.cpp.

target triple = "spirv64-unknown-unknown"

; out[i] = in[i + offset] * factor
define spir_kernel void @scale(ptr addrspace(1) %in, ptr addrspace(1) %out, i64 %offset, float %factor) {
  %id = call i64 @_Z13get_global_idj(i32 0)
  %at = add i64 %id, %offset
  %from = getelementptr float, ptr addrspace(1) %in, i64 %at
  %value = load float, ptr addrspace(1) %from
  %scaled = fmul float %value, %factor
  %to = getelementptr float, ptr addrspace(1) %out, i64 %id
  store float %scaled, ptr addrspace(1) %to
  ret void
}

; The same with an address that comes as a number; out[y * 8 + x] = 100 * y + x over all three dimensions of the grid.
define spir_kernel void @number(i64 %address) {
  %x = call i64 @_Z13get_global_idj(i32 0)
  %y = call i64 @_Z13get_global_idj(i32 1)
  %z = call i64 @_Z13get_global_idj(i32 2)
  %zy = mul i64 %z, 4
  %row = add i64 %zy, %y
  %begin = mul i64 %row, 8
  %at = add i64 %begin, %x
  %out = inttoptr i64 %address to ptr addrspace(1)
  %to = getelementptr i64, ptr addrspace(1) %out, i64 %at
  %hundreds = mul i64 %row, 100
  %value = add i64 %hundreds, %x
  store i64 %value, ptr addrspace(1) %to
  ret void
}

declare i64 @_Z13get_global_idj(i32)
