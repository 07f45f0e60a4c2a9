/*
 * The benchmark's drbdsetup-84: one resource, up, Connected and UpToDate on both sides, word for word
 * as in recordings/8.4/secondary-secondary.txt and primary-secondary.txt.  It knows the calls of one
 * `add` and `remove`, of drbdadm-84 and of block-drbd, and no other.
 *
 * Its only state is the role.  That stands where 8.4's kernel shows it: in PROC_DRBD.
 */
#include <stdio.h>
#include <string.h>

static int fail(const char *why, const char *what)
{
	fprintf(stderr, "drbdsetup-84 of the benchmark: %s: %s\n", why, what);
	return 20;
}

static int set_role(const char *role)
{
	/* Nobody may see half of it. */
	FILE *file = fopen(PROC_DRBD ".new", "w");
	if (!file)
		return fail("cannot write", PROC_DRBD);
	fprintf(file,
		"version: 8.4.11 (api:1/proto:86-101)\n"
		"srcversion: B536C32A3EADA868561EFD9 \n"
		"\n"
		" 1: cs:Connected ro:%s/Secondary ds:UpToDate/UpToDate C r-----\n"
		"    ns:0 nr:0 dw:0 dr:0 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n", role);
	if (fclose(file) || rename(PROC_DRBD ".new", PROC_DRBD))
		return fail("cannot write", PROC_DRBD);
	return 0;
}

static int show(const char *format)
{
	char text[1024];
	FILE *file = fopen(PROC_DRBD, "r");
	if (!file)
		return fail("cannot read", PROC_DRBD);
	text[fread(text, 1, sizeof text - 1, file)] = 0;
	printf(format, strstr(text, "ro:Primary/") ? "Primary" : "Secondary");
	return fflush(stdout) ? fail("cannot write", "the answer") : 0;
}

int main(int argc, char **argv)
{
	char call[256] = "";
	for (int i = 1; i < argc; i++) {
		if (strlen(call) + strlen(argv[i]) + 2 > sizeof call)
			return fail("unknown call", argv[i]);
		strcat(strcat(call, i > 1 ? " " : ""), argv[i]);
	}
	if (!strcmp(call, "primary 1"))
		return set_role("Primary");
	if (!strcmp(call, "secondary 1"))
		return set_role("Secondary");
	if (!strcmp(call, "role 1"))
		return show("%s/Secondary\n");
	if (!strcmp(call, "events2 --now --statistics web-root"))
		return show(
			"exists resource name:web-root role:%s suspended:no write-ordering:flush\n"
			"exists connection name:web-root peer-node-id:0 conn-name:peer connection:Connected"
			" role:Secondary congested:no\n"
			"exists device name:web-root volume:0 minor:1 disk:UpToDate size:65496 read:0 written:0"
			" al-writes:8 bm-writes:0 upper-pending:0 lower-pending:0 al-suspended:no blocked:no\n"
			"exists peer-device name:web-root peer-node-id:0 conn-name:peer volume:0"
			" replication:Established peer-disk:UpToDate resync-suspended:no received:0 sent:0"
			" out-of-sync:0 pending:0 unacked:0\n"
			"exists -\n");
	return fail("unknown call", call);
}
