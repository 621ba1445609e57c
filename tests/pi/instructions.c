/* A plugin of qemu that counts the instructions a program executes: at each lseek on file descriptor -1000 it writes
 * `mark <instructions so far>` to stderr. The declarations are those of qemu's plugin interface, version 1
 * (qemu 7; docs/devel/tcg-plugins), whose header Debian does not ship. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))
#define LSEEK 62 /* on aarch64 */

struct qemu_plugin_tb;
typedef void (*translated)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*called)(uint64_t id, unsigned int cpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                       uint64_t, uint64_t, uint64_t);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int add_u64, void *counter, uint64_t);
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, called);

EXPORT int qemu_plugin_version = 1;

static uint64_t instructions;

static void on_block(uint64_t id, struct qemu_plugin_tb *block)
{
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &instructions, qemu_plugin_tb_n_insns(block));
}

static void on_call(uint64_t id, unsigned int cpu, int64_t number, uint64_t file, uint64_t offset, uint64_t c,
                    uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    if (number == LSEEK && (int32_t)file == -1000)
        fprintf(stderr, "mark %" PRIu64 "\n", instructions);
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    qemu_plugin_register_vcpu_syscall_cb(id, on_call);
    return 0;
}
