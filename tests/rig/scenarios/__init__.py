"""What block-drbd must do on real Xen with real DRBD, one function a scenario."""
