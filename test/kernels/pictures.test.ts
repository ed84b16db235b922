import { testKernels } from "./check_table.ts";

testKernels(["gatherPictures", "packPictures"]);
