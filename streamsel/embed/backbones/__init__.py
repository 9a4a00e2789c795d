"""Pretrained networks of other libraries (``timm:resnet50``), one module per library."""
