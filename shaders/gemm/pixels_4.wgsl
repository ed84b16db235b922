// pixels_4: gemm_tn.wgsl multiplies 4 pixels at a time.

override PIXELS = 4u;
alias OfPixels = vec4f;
alias RowsOfPixels = mat4x4f;
