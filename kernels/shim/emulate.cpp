// The scheduler of the emulated GPU, and its one entry for the program.
#include "shim.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
// For functions that a fiber never returns from: what the sanitizer puts around their variables would stay on the stack for
// the next fiber to trip over.
#define NEVER_LEFT __attribute__((noinline, no_sanitize("address")))

// Saves the registers that a call preserves, leaves its stack for another one, and goes on there.
asm(R"(
.text
.globl rhoshard_shim_switch
.type rhoshard_shim_switch, @function
rhoshard_shim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size rhoshard_shim_switch, .-rhoshard_shim_switch
)");
extern "C" void rhoshard_shim_switch(void** from, void* to);

namespace shim {
namespace {

const size_t STACK_BYTES = 64 << 10, MOST_ARGUMENT_BYTES = 4096;
const uint32_t MOST_THREADS = 1024, WARP = 32;

enum class State { Ready, AtBarrier, AtShuffle, Done };

struct Fiber {
    void* stack_pointer;
    char* stack;
    State state;
    Index index;
    uint64_t word;  // what it brings to a shuffle
};

/// One block at a time of the kernel that this host thread runs.
struct Machine {
    Place place;
    Kernel kernel;
    const void* arguments;
    void* scheduler;  // the stack to go back to
    Fiber fibers[MOST_THREADS];
    uint32_t current;
    char* shared;
    size_t shared_bytes;
};

thread_local Machine* machine = nullptr;
Entry* entries = nullptr;

Fiber& current() { return machine->fibers[machine->current]; }

#if defined(__SANITIZE_ADDRESS__)
thread_local void* scheduler_fake = nullptr;
thread_local const void* scheduler_stack = nullptr;
thread_local size_t scheduler_stack_bytes = 0;
#endif

/// Back to the scheduler, until it lets this fiber run on.
NEVER_LEFT void leave(State state) {
    Fiber& fiber = current();
    fiber.state = state;
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(state == State::Done ? nullptr : &fake, scheduler_stack, scheduler_stack_bytes);
#endif
    rhoshard_shim_switch(&fiber.stack_pointer, machine->scheduler);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void enter(uint32_t number) {
    machine->current = number;
    Fiber& fiber = machine->fibers[number];
    machine->place.thread = fiber.index;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&scheduler_fake, fiber.stack, STACK_BYTES);
#endif
    rhoshard_shim_switch(&machine->scheduler, fiber.stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(scheduler_fake, nullptr, nullptr);
#endif
}

NEVER_LEFT void body() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_bytes);
#endif
    machine->kernel(machine->arguments);
    leave(State::Done);
    abort();
}

/// Gives a fiber a fresh stack whose first return goes to the body.
void start(Fiber& fiber, uint32_t number) {
    uint64_t* top = (uint64_t*)(fiber.stack + STACK_BYTES) - 8;
    *--top = 0;
    *--top = (uint64_t)&body;
    for (int saved = 0; saved < 6; saved++) *--top = 0;
    fiber.stack_pointer = top;
    fiber.state = State::Ready;
    fiber.index = Index{number, 0, 0};
}

/// Lets fibers run on that wait in this state if all of them do, but for those that are done; true if some may.
bool release(uint32_t first, uint32_t end, State state) {
    bool any = false;
    for (uint32_t number = first; number < end; number++) {
        const State own = machine->fibers[number].state;
        if (own != state && own != State::Done) return false;
        any |= own == state;
    }
    for (uint32_t number = first; any && number < end; number++) {
        if (machine->fibers[number].state == state) machine->fibers[number].state = State::Ready;
    }
    return any;
}

/// Runs one block; false if some threads wait for others for ever.
bool run_block(uint32_t threads) {
    memset(machine->shared, 0xff, machine->shared_bytes);
    for (uint32_t number = 0; number < threads; number++) start(machine->fibers[number], number);
    for (bool forward = true;; forward = !forward) {
        uint32_t done = 0;
        for (uint32_t turn = 0; turn < threads; turn++) {
            const uint32_t number = forward ? turn : threads - 1 - turn;
            if (machine->fibers[number].state == State::Ready) enter(number);
            done += machine->fibers[number].state == State::Done;
        }
        if (done == threads) return true;
        bool released = release(0, threads, State::AtBarrier);
        for (uint32_t first = 0; first < threads; first += WARP) {
            const uint32_t end = first + WARP < threads ? first + WARP : threads;
            released |= release(first, end, State::AtShuffle);
        }
        if (!released) return false;
    }
}

/// Stacks are kept for the next launch of this host thread.
struct Stacks {
    Machine machine = {};
    ~Stacks() {
        for (Fiber& fiber : machine.fibers) free(fiber.stack);
        free(machine.shared);
    }
};

/// The machine of this host thread with so many stacks and so much shared memory.
Machine* prepared(uint32_t threads, size_t shared) {
    static thread_local Stacks stacks;
    Machine& own = stacks.machine;
    for (uint32_t number = 0; number < threads; number++) {
        Fiber& fiber = own.fibers[number];
        if (!fiber.stack) fiber.stack = (char*)aligned_alloc(64, STACK_BYTES);
        if (!fiber.stack) return nullptr;
    }
    // Exactly as much as was asked for, so that the address sanitizer sees what lies beyond.
    free(own.shared);
    own.shared_bytes = shared;
    own.shared = (char*)malloc(shared ? shared : 1);
    return own.shared ? &own : nullptr;
}

}  // namespace

Entry::Entry(const char* name, size_t argument_bytes, Kernel kernel)
    : name(name), argument_bytes(argument_bytes), kernel(kernel), next(entries) {
    entries = this;
}

const Place& place() { return machine->place; }

void* shared_memory() { return machine->shared; }

void wait_for_block() { leave(State::AtBarrier); }

uint64_t exchange(uint64_t own, uint32_t lane) {
    Fiber& fiber = current();
    const uint32_t first = fiber.index.x & ~(WARP - 1);
    fiber.word = own;
    leave(State::AtShuffle);
    const uint64_t other = machine->fibers[first + lane].word;
    // No lane goes on to its next shuffle before all have read this one.
    leave(State::AtShuffle);
    return other;
}

}  // namespace shim

/// Runs a kernel. 0: done; 1: no such kernel; 2: arguments of another size; 3: threads that wait for ever; 4: no memory,
/// or more threads than a block may have.
extern "C" int rhoshard_emulate(const char* name, size_t name_bytes, uint32_t blocks, uint32_t threads, uint32_t shared,
                                const void* arguments, size_t argument_bytes) {
    const std::string wanted(name, name_bytes);
    const shim::Entry* entry = shim::entries;
    while (entry && wanted != entry->name) entry = entry->next;
    if (!entry) return 1;
    if (entry->argument_bytes != argument_bytes || argument_bytes > shim::MOST_ARGUMENT_BYTES) return 2;
    if (threads == 0 || threads > shim::MOST_THREADS) return 4;
    // As on a GPU, the arguments are a copy, with the alignment that any structure may ask for.
    alignas(64) static thread_local char copy[shim::MOST_ARGUMENT_BYTES];
    memcpy(copy, arguments, argument_bytes);
    shim::machine = shim::prepared(threads, shared);
    if (!shim::machine) return 4;
    shim::machine->kernel = entry->kernel;
    shim::machine->arguments = copy;
    shim::machine->place.threads = shim::Index{threads, 1, 1};
    shim::machine->place.blocks = shim::Index{blocks, 1, 1};
    for (uint32_t block = 0; block < blocks; block++) {
        shim::machine->place.block = shim::Index{block, 0, 0};
        if (!shim::run_block(threads)) return 3;
    }
    return 0;
}
