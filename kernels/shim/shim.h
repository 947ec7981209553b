// CUDA for the host: the same kernel sources, compiled by a C++ compiler, run block by block on the CPU.
//
// Every thread of a block is a fiber with a stack of its own. A fiber runs until it meets a barrier or a shuffle, and waits
// there for the rest of its block or warp. Shared memory is filled with NaNs before each block, and fibers run in the order
// of their numbers and back, so that a missing barrier gives wrong numbers at once. A barrier that some threads never reach, which on
// a GPU hangs or worse, is counted and reported.
#ifndef RHOSHARD_SHIM_H
#define RHOSHARD_SHIM_H

#include <cstddef>
#include <cstdint>

#ifndef __x86_64__
#error "the emulated GPU switches stacks in the assembly language of x86-64"
#endif

#define __device__
#define __host__
#define __forceinline__ inline
#define SHARED(type, name) type* name = (type*)shim::shared_memory()

namespace shim {

struct Index {
    uint32_t x, y, z;
};

/// What a kernel finds in threadIdx and the like.
struct Place {
    Index thread, block, threads, blocks;
};

typedef void (*Kernel)(const void* arguments);

/// Adds a kernel to those that can be launched by name.
struct Entry {
    Entry(const char* name, size_t argument_bytes, Kernel kernel);
    const char* name;
    size_t argument_bytes;
    Kernel kernel;
    Entry* next;
};

const Place& place();
void* shared_memory();
void wait_for_block();
/// Gives the word that the other lane of the warp brings along.
uint64_t exchange(uint64_t own, uint32_t lane);

}  // namespace shim

#define threadIdx (shim::place().thread)
#define blockIdx (shim::place().block)
#define blockDim (shim::place().threads)
#define gridDim (shim::place().blocks)

#define SHIM_TEXT_(name) #name
#define SHIM_TEXT(name) SHIM_TEXT_(name)
#define SHIM_JOINED_(name, suffix) name##suffix
#define SHIM_JOINED(name, suffix) SHIM_JOINED_(name, suffix)
#define KERNEL_OF(name, most_threads, Arguments)                                                                          \
    static void SHIM_JOINED(name, SUFFIX)(const Arguments& arguments);                                                    \
    static shim::Entry SHIM_JOINED(entry_of_##name, SUFFIX)(                                                              \
        SHIM_TEXT(SHIM_JOINED(name, SUFFIX)), sizeof(Arguments), [](const void* arguments) {                              \
            SHIM_JOINED(name, SUFFIX)(*(const Arguments*)arguments);                                                      \
        });                                                                                                               \
    static void SHIM_JOINED(name, SUFFIX)(const Arguments& arguments)

static inline void __syncthreads() { shim::wait_for_block(); }

/// All lanes of the warp take part.
template <class Value>
static inline Value __shfl_xor_sync(uint32_t, Value value, int step) {
    static_assert(sizeof(Value) <= sizeof(uint64_t), "a shuffle moves one word");
    union {
        uint64_t word;
        Value value;
    } own = {0}, other = {0};
    own.value = value;
    other.word = shim::exchange(own.word, (shim::place().thread.x & 31) ^ (uint32_t)step);
    return other.value;
}

static inline uint32_t __umulhi(uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a * b >> 32); }
static inline int __popcll(unsigned long long bits) { return __builtin_popcountll(bits); }

#endif
