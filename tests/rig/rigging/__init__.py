"""Two real Xen hosts with real DRBD between them, inside QEMU."""
