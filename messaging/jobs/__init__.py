"""What runs in the background beside sending: recording, routing, sweeping. Each is started by a task of one line."""
