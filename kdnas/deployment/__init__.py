"""Deployment: trained models as ONNX files in float32 and int8, checked, scored and timed in each runtime."""
