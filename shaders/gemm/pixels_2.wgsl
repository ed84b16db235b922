// pixels_2: gemm_tn.wgsl multiplies 2 pixels at a time.

override PIXELS = 2u;
alias OfPixels = vec2f;
alias RowsOfPixels = mat2x4f;
