// Sets numbers to one value.
#include "common.cuh"

struct Fill {
    REAL* numbers;
    unsigned long long count;
    double value;
};

KERNEL(fill)(Fill fill) {
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < fill.count; i += stride) {
        fill.numbers[i] = REAL(fill.value);
    }
}
