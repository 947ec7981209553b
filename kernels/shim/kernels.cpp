// All kernels for the host in one precision: compiled with REAL double, SUFFIX _f64 and KERNELS kernels_f64, or with float.
#define RHOSHARD_SHIM
#include "../branch.cu"
#include "../dense.cu"
#include "../diagonal.cu"
#include "../overlaps.cu"
#include "../panels.cu"
#include "../permutation.cu"
#include "../sums.cu"
