"""Fine-tuning of checkpoints on tasks: LoRA adapters and whole models, masked diffusion and score networks."""
