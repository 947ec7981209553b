// A matrix chosen for each column, on the K target bits of the rows; some columns give several results, each with a
// matrix of its own: the first in place, the others in new columns.
#include "groups.cuh"

namespace KERNELS {

struct BranchArguments {
    Across groups;  // items of one column each
    u64 begin;      // results[begin[c] .. begin[c + 1]] are those of column c
    u64 results;    // pairs: the column it becomes, the number of its matrix
    u64 matrices;   // 2^K square each, row after row
    u32 entries;    // of all matrices, if they go to shared memory; else 0
    u32 unused;
};

/// The column a result becomes, and the number of its matrix.
struct Result {
    u32 column, matrix;
};

template <int K>
__device__ inline void branch(const BranchArguments& arguments) {
    SHARED(Complex, shared);
    const Complex* matrices = (const Complex*)arguments.matrices;
    if (arguments.entries) {
        for (u32 place = threadIdx.x; place < arguments.entries; place += blockDim.x) shared[place] = matrices[place];
        BARRIER(0);
        matrices = shared;
    }
    const Across& groups = arguments.groups;
    for_each_item(groups.items, [&](u64 row, u32 column) {
        Complex* base = (Complex*)groups.items.data + row * groups.items.stride;
        Single values[1 << K];
#pragma unroll
        for (int value = 0; value < 1 << K; value++) {
            values[value].of[0] = base[distance_of<K>(groups.distance, value) + column];
        }
        const u32* begin = (const u32*)arguments.begin + column;
        for (u32 number = begin[0]; number < begin[1]; number++) {
            const Result result = ((const Result*)arguments.results)[number];
            const Complex* matrix = matrices + ((u64)result.matrix << 2 * K);
#pragma unroll(K <= 2 ? 1 << K : 1)
            for (int to = 0; to < 1 << K; to++) {
                Single sum = {};
#pragma unroll
                for (int value = 0; value < 1 << K; value++) add_product(sum, matrix[(to << K) + value], values[value]);
                base[distance_of<K>(groups.distance, to) + result.column] = sum.of[0];
            }
        }
    });
}

KERNEL(branch_0, BranchArguments) { branch<0>(arguments); }
KERNEL(branch_1, BranchArguments) { branch<1>(arguments); }
KERNEL(branch_2, BranchArguments) { branch<2>(arguments); }
KERNEL(branch_3, BranchArguments) { branch<3>(arguments); }
KERNEL_OF(branch_4, 128, BranchArguments) { branch<4>(arguments); }
KERNEL_OF(branch_5, 128, BranchArguments) { branch<5>(arguments); }

}  // namespace KERNELS
