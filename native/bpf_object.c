// SPDX-License-Identifier: Apache-2.0
/*
 * What is set before an object is loaded: values of `const volatile` variables, found by name
 * through BTF, buffers for the verifier's log, and what XDP programs may be given.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/*
 * To be called before objects are opened. 1: XDP programs of sections named xdp.frags get frames
 * of several buffers. 0: before 6.3 the kernel loads such programs and then refuses to redirect
 * such frames (xdp_do_redirect()), so they are loaded as plain ones, and the kernel refuses
 * devices that would have such frames. 6.3 is known by what it says of devices since then.
 */
int transit_bpf_prepare_xdp(void)
{
	static int frags = -1;
	struct btf *btf;

	if (frags >= 0)
		return frags;
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return -errno;
	frags = btf__find_by_name_kind(btf, "xdp_features_t", BTF_KIND_TYPEDEF) > 0;
	btf__free(btf);
	if (!frags) {
		int err =
			libbpf_register_prog_handler("xdp.frags", BPF_PROG_TYPE_XDP, BPF_XDP, NULL);
		if (err < 0) {
			frags = -1;
			return err;
		}
	}
	return frags;
}

/* Modifiers and typedefs taken off. */
static const struct btf_type *plain_type(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

/*
 * Sets one variable of .rodata. The value is truncated to nothing: when it does not fit the
 * variable's size and signedness the answer is -ERANGE. -ENOENT: no such variable; -EINVAL: it
 * is not a number of 1, 2, 4 or 8 bytes.
 */
int transit_bpf_set_rodata(struct bpf_object *object, const char *name, int64_t value)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_var_secinfo *info;
	const struct btf_type *section;
	size_t bytes;
	char *data;
	int id, i;

	if (!map || !btf)
		return -ENOENT;
	data = (char *)bpf_map__initial_value(map, &bytes); /* ours to write until the load */
	id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	if (!data || id < 0)
		return -ENOENT;
	section = btf__type_by_id(btf, id);
	info = btf_var_secinfos(section);
	for (i = 0; i < btf_vlen(section); i++, info++) {
		const struct btf_type *var = btf__type_by_id(btf, info->type), *type;
		int64_t low = 0, high;

		if (strcmp(btf__name_by_offset(btf, var->name_off), name))
			continue;
		type = plain_type(btf, var->type);
		if (!type || !(btf_is_int(type) || btf_is_any_enum(type)) ||
		    info->offset + info->size > bytes || info->size > 8)
			return -EINVAL;
		high = info->size == 8 ? INT64_MAX : (int64_t)((1ull << (info->size * 8)) - 1);
		if (btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_BOOL))
			high = 1;
		if (btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_SIGNED)) {
			high >>= info->size == 8 ? 0 : 1;
			low = -high - 1;
		}
		if (value < low || value > high)
			return -ERANGE;
		memcpy(data + info->offset, &value, info->size); /* little endian */
		return 0;
	}
	return -ENOENT;
}

/*
 * Gives every program the same buffer: programs load one after another, and the first that fails
 * ends the load, so what the buffer holds is its log. libbpf asks for the log on failure only.
 */
int transit_bpf_set_log(struct bpf_object *object, char *buffer, size_t size)
{
	struct bpf_program *program;
	int err;

	bpf_object__for_each_program(program, object)
	{
		err = bpf_program__set_log_buf(program, buffer, size);
		if (err)
			return err;
	}
	return 0;
}
