// What all kernels share. Each source is compiled twice, with REAL defined as double and as float.
#pragma once

// The name of a kernel for the precision at hand: KERNEL(fill) is fill_f64 or fill_f32.
#define KERNEL_NAME_double(name) name##_f64
#define KERNEL_NAME_float(name) name##_f32
#define KERNEL_NAME(name, real) KERNEL_NAME_OF(name, real)
#define KERNEL_NAME_OF(name, real) KERNEL_NAME_##real(name)
#define KERNEL(name) extern "C" __global__ void KERNEL_NAME(name, REAL)
