"""Pretrained networks of other libraries, by names such as ``timm:resnet50``; one module each."""
