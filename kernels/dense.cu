// A 2^K square matrix on the K target bits of the rows, in place.
#include "groups.cuh"

namespace KERNELS {

/// Small matrices are part of the arguments, so that each entry is a constant to the multiplication.
template <int K, class Groups, bool SMALL = (K <= 3)>
struct DenseArguments {
    Groups groups;
    Complex entries[1 << 2 * K];  // row after row
};

/// Large ones are read from memory.
template <int K, class Groups>
struct DenseArguments<K, Groups, false> {
    Groups groups;
    u64 entries;
};

/// result[s] = sum_t entries[s, t] values[t]
template <int K>
struct Dense {
    const Complex* entries;

    __device__ static bool reads(int) { return true; }
    __device__ static u64 place(int, u64 own) { return own; }

    template <class Columns, class Store>
    __device__ void apply(const Columns (&values)[1 << K], Store store) const {
        // All results of a large matrix at once would be more instructions than the cache for them holds.
#pragma unroll(K <= 3 ? 1 << K : 1)
        for (int result = 0; result < 1 << K; result++) {
            Columns sum = {};
#pragma unroll
            for (int value = 0; value < 1 << K; value++) add_product(sum, entries[(result << K) + value], values[value]);
            store(result, sum);
        }
    }
};

/// The matrix: in the arguments, or copied to shared memory.
template <int K, class Groups>
__device__ inline const Complex* matrix_of(const DenseArguments<K, Groups, true>& arguments, Complex*) {
    return arguments.entries;
}

template <int K, class Groups>
__device__ inline const Complex* matrix_of(const DenseArguments<K, Groups, false>& arguments, Complex* shared) {
    for (u32 place = threadIdx.x; place < 1 << 2 * K; place += blockDim.x) {
        shared[place] = ((const Complex*)arguments.entries)[place];
    }
    BARRIER(2);
    return shared;
}

template <int K, class Columns>
__device__ inline void dense_across(const DenseArguments<K, Across>& arguments) {
    SHARED(Complex, shared);
    across<K, Columns>(arguments.groups, Dense<K>{matrix_of<K>(arguments, shared)});
}

template <int K>
__device__ inline void dense_within(const DenseArguments<K, Within>& arguments) {
    SHARED(Complex, shared);
    const Dense<K> dense = {matrix_of<K>(arguments, shared)};
    within<K>(arguments.groups, dense, shared + (K <= 3 ? 0 : 1 << 2 * K));
}

#define DENSE(K, threads)                                                                                                 \
    typedef DenseArguments<K, Across> DenseAcross##K;                                                                     \
    typedef DenseArguments<K, Within> DenseWithin##K;                                                                     \
    KERNEL_OF(dense_across_##K, threads, DenseAcross##K) { dense_across<K, Lane>(arguments); }                            \
    KERNEL_OF(dense_within_##K, threads, DenseWithin##K) { dense_within<K>(arguments); }

DENSE(1, 256)
DENSE(2, 256)
DENSE(3, 256)
DENSE(4, 128)
DENSE(5, 128)

}  // namespace KERNELS
