// The row whose target bits are i becomes, times a factor, the one whose target bits are the image of i.
#include "groups.cuh"

namespace KERNELS {

template <int K, class Groups>
struct PermutationArguments {
    Groups groups;
    u64 image[1 << K];       // where value i goes: amplitudes from the first row of the group, or what is added to its slot
    Complex factor[1 << K];  // of value i
    u32 changed;             // bit i: value i moves or has a factor other than one
    u32 unused;
};

template <int K, class Arguments>
struct Permutation {
    const Arguments& arguments;

    __device__ bool reads(int value) const { return arguments.changed >> value & 1; }
    __device__ u64 place(int value, u64) const { return arguments.image[value]; }

    template <class Columns, class Store>
    __device__ void apply(const Columns (&values)[1 << K], Store store) const {
#pragma unroll
        for (int value = 0; value < 1 << K; value++) {
            if (!reads(value)) continue;
            Columns result = {};
            add_product(result, arguments.factor[value], values[value]);
            store(value, result);
        }
    }
};

#define PERMUTATION(K, threads)                                                                                           \
    typedef PermutationArguments<K, Across> PermutationAcross##K;                                                         \
    typedef PermutationArguments<K, Within> PermutationWithin##K;                                                         \
    KERNEL_OF(permutation_across_##K, threads, PermutationAcross##K) {                                                    \
        across<K, Lane>(arguments.groups, Permutation<K, PermutationAcross##K>{arguments});                               \
    }                                                                                                                     \
    KERNEL_OF(permutation_within_##K, threads, PermutationWithin##K) {                                                    \
        SHARED(Complex, shared);                                                                                          \
        within<K>(arguments.groups, Permutation<K, PermutationWithin##K>{arguments}, shared);                             \
    }

PERMUTATION(1, 256)
PERMUTATION(2, 256)
PERMUTATION(3, 256)
PERMUTATION(4, 128)
PERMUTATION(5, 128)

}  // namespace KERNELS
