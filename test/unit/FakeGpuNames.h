// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fake's functions as NVIDIA's driver names them, or as HIP does, with FAKE_HIP.
#pragma once

#ifdef FAKE_HIP
#define fakeInit hipInit
#define fakeGetVersion hipRuntimeGetVersion
#define fakeGetErrorString hipDrvGetErrorString
#define fakeDeviceGetCount hipGetDeviceCount
#define fakeDeviceGet hipDeviceGet
#define fakeDeviceGetName hipDeviceGetName
#define fakeModuleLoad hipModuleLoadDataEx
#define fakeModuleUnload hipModuleUnload
#define fakeModuleGetFunction hipModuleGetFunction
#define fakeMemoryInfo hipMemGetInfo
#define fakeAllocate hipMalloc
#define fakeRelease hipFree
#define fakeFill hipMemsetD8Async
#define fakeCopyToDevice hipMemcpyHtoDAsync
#define fakeCopyToHost hipMemcpyDtoHAsync
#define fakeCopyOnDevice hipMemcpyDtoDAsync
#define fakeStreamCreate hipStreamCreateWithFlags
#define fakeStreamDestroy hipStreamDestroy
#define fakeStreamSynchronize hipStreamSynchronize
#define fakeLaunch hipModuleLaunchKernel
#define fakeBeginCapture hipStreamBeginCapture
#define fakeEndCapture hipStreamEndCapture
#define fakeGraphInstantiate hipGraphInstantiateWithFlags
#define fakeGraphDestroy hipGraphDestroy
#define fakeGraphExecDestroy hipGraphExecDestroy
#define fakeGraphLaunch hipGraphLaunch
#else
#define fakeInit cuInit
#define fakeGetVersion cuDriverGetVersion
#define fakeGetErrorString cuGetErrorString
#define fakeDeviceGetCount cuDeviceGetCount
#define fakeDeviceGet cuDeviceGet
#define fakeDeviceGetName cuDeviceGetName
#define fakeModuleLoad cuModuleLoadDataEx
#define fakeModuleUnload cuModuleUnload
#define fakeModuleGetFunction cuModuleGetFunction
#define fakeMemoryInfo cuMemGetInfo_v2
#define fakeAllocate cuMemAlloc_v2
#define fakeRelease cuMemFree_v2
#define fakeFill cuMemsetD8Async
#define fakeCopyToDevice cuMemcpyHtoDAsync_v2
#define fakeCopyToHost cuMemcpyDtoHAsync_v2
#define fakeCopyOnDevice cuMemcpyDtoDAsync_v2
#define fakeStreamCreate cuStreamCreate
#define fakeStreamDestroy cuStreamDestroy_v2
#define fakeStreamSynchronize cuStreamSynchronize
#define fakeLaunch cuLaunchKernel
#define fakeBeginCapture cuStreamBeginCapture_v2
#define fakeEndCapture cuStreamEndCapture
#define fakeGraphInstantiate cuGraphInstantiateWithFlags
#define fakeGraphDestroy cuGraphDestroy
#define fakeGraphExecDestroy cuGraphExecDestroy
#define fakeGraphLaunch cuGraphLaunch
#endif
