"""Where samples are decoded: in this process, or by workers on several devices. An executor writes nothing."""
