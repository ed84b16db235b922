/*
 * A libvulkan.so.1 in front of the real one. It lets Dawn create compute pipelines on a GPU that is not there, and
 * writes down what the driver says about each of them.
 *
 * With RADV_FORCE_FAMILY, Mesa's AMD driver offers such a GPU. It compiles for it, but recording commands crashes: there
 * is no memory to record them into. Dawn records some as soon as it creates a device. So vkCmd*, vkQueueSubmit and waits
 * succeed here without reaching the driver. Everything else is passed on, with two additions: the device is created with
 * VK_KHR_pipeline_executable_properties, and pipelines with the flags that make the driver keep its statistics.
 *
 * For each pipeline, the files $CATGAN_ISA_PATH.<ending> are written:
 *
 *   txt   statistics, one per line: name, tab, value
 *   s     disassembly
 *   nir   NIR, Mesa's representation of the shader
 *   aco   the compiler's own representation
 *   spv   the SPIR-V that Dawn made of the WGSL
 *
 * CATGAN_ISA_VULKAN is the path of the real library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

static PFN_vkGetInstanceProcAddr next_instance_proc;
static PFN_vkGetDeviceProcAddr next_device_proc;
static VkInstance instance;
static VkDevice device;

static PFN_vkVoidFunction next(const char *name) {
  PFN_vkVoidFunction function = device ? next_device_proc(device, name) : NULL;
  return function ? function : next_instance_proc(instance, name);
}
#define NEXT(name) ((PFN_##name)next(#name))

/* Stands for functions with any parameters: on x86-64 the caller removes its arguments. */
static VkResult succeed(void) { return VK_SUCCESS; }

static VkResult create_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator,
                                VkInstance *out) {
  VkResult result = ((PFN_vkCreateInstance)next_instance_proc(NULL, "vkCreateInstance"))(info, allocator, out);
  if (result != VK_SUCCESS) return result;
  instance = *out;
  next_device_proc = (PFN_vkGetDeviceProcAddr)next_instance_proc(instance, "vkGetDeviceProcAddr");
  return result;
}

static VkResult create_device(VkPhysicalDevice gpu, const VkDeviceCreateInfo *info,
                              const VkAllocationCallbacks *allocator, VkDevice *out) {
  const char **names = calloc(info->enabledExtensionCount + 1, sizeof *names);
  for (uint32_t i = 0; i < info->enabledExtensionCount; i++) names[i] = info->ppEnabledExtensionNames[i];
  names[info->enabledExtensionCount] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, (void *)info->pNext, VK_TRUE};
  VkDeviceCreateInfo extended = *info;
  extended.pNext = &feature;
  extended.enabledExtensionCount++;
  extended.ppEnabledExtensionNames = names;
  VkResult result = NEXT(vkCreateDevice)(gpu, &extended, allocator, out);
  if (result == VK_SUCCESS) device = *out;
  free(names);
  return result;
}

/* The SPIR-V of each module, since pipelines only refer to modules. The process is short: nothing is freed. */
typedef struct Module {
  VkShaderModule handle;
  size_t bytes;
  void *code;
  struct Module *older;
} Module;
static Module *newest;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static VkResult create_module(VkDevice on, const VkShaderModuleCreateInfo *info,
                              const VkAllocationCallbacks *allocator, VkShaderModule *out) {
  VkResult result = NEXT(vkCreateShaderModule)(on, info, allocator, out);
  if (result != VK_SUCCESS) return result;
  Module *module = malloc(sizeof *module);
  module->handle = *out;
  module->bytes = info->codeSize;
  module->code = memcpy(malloc(info->codeSize), info->pCode, info->codeSize);
  pthread_mutex_lock(&lock);
  module->older = newest;
  newest = module;
  pthread_mutex_unlock(&lock);
  return result;
}

static FILE *open_output(const char *ending) {
  char path[4096];
  const char *stem = getenv("CATGAN_ISA_PATH");
  if (!stem) return NULL;
  snprintf(path, sizeof path, "%s.%s", stem, ending);
  return fopen(path, "wb");
}

static void write_statistics(VkDevice on, VkPipeline pipeline, const VkPipelineExecutableInfoKHR *executable) {
  FILE *file = open_output("txt");
  if (!file) return;
  VkPipelineInfoKHR of = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, NULL, pipeline};
  VkPipelineExecutablePropertiesKHR properties = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
  uint32_t one = 1;
  NEXT(vkGetPipelineExecutablePropertiesKHR)(on, &of, &one, &properties);
  fprintf(file, "Subgroup size\t%u\n", properties.subgroupSize);
  uint32_t count = 0;
  NEXT(vkGetPipelineExecutableStatisticsKHR)(on, executable, &count, NULL);
  VkPipelineExecutableStatisticKHR *all = calloc(count, sizeof *all);
  for (uint32_t i = 0; i < count; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  NEXT(vkGetPipelineExecutableStatisticsKHR)(on, executable, &count, all);
  for (uint32_t i = 0; i < count; i++) {
    if (all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR)
      fprintf(file, "%s\t%g\n", all[i].name, all[i].value.f64);
    else
      fprintf(file, "%s\t%llu\n", all[i].name, (unsigned long long)all[i].value.u64);
  }
  free(all);
  fclose(file);
}

static void write_representations(VkDevice on, const VkPipelineExecutableInfoKHR *executable) {
  uint32_t count = 0;
  NEXT(vkGetPipelineExecutableInternalRepresentationsKHR)(on, executable, &count, NULL);
  VkPipelineExecutableInternalRepresentationKHR *all = calloc(count, sizeof *all);
  for (uint32_t i = 0; i < count; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
  /* The first call tells the sizes, the second fills buffers of these sizes. */
  NEXT(vkGetPipelineExecutableInternalRepresentationsKHR)(on, executable, &count, all);
  for (uint32_t i = 0; i < count; i++) all[i].pData = calloc(1, all[i].dataSize + 1);
  NEXT(vkGetPipelineExecutableInternalRepresentationsKHR)(on, executable, &count, all);
  for (uint32_t i = 0; i < count; i++) {
    FILE *file = open_output(strstr(all[i].name, "ssembly") ? "s" : strstr(all[i].name, "NIR") ? "nir" : "aco");
    if (file) {
      fputs(all[i].pData, file);
      fclose(file);
    }
    free(all[i].pData);
  }
  free(all);
}

static void write_spirv(const VkPipelineShaderStageCreateInfo *stage) {
  const void *code = NULL;
  size_t bytes = 0;
  pthread_mutex_lock(&lock);
  for (Module *module = newest; module && stage->module && !code; module = module->older) {
    if (module->handle != stage->module) continue;
    code = module->code;
    bytes = module->bytes;
  }
  pthread_mutex_unlock(&lock);
  /* A stage may also contain its code, without a module. */
  for (const VkBaseInStructure *next = stage->pNext; next && !code; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO) continue;
    code = ((const VkShaderModuleCreateInfo *)next)->pCode;
    bytes = ((const VkShaderModuleCreateInfo *)next)->codeSize;
  }
  FILE *file = code ? open_output("spv") : NULL;
  if (!file) return;
  fwrite(code, 1, bytes, file);
  fclose(file);
}

static VkResult create_pipelines(VkDevice on, VkPipelineCache cache, uint32_t count,
                                 const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *allocator,
                                 VkPipeline *out) {
  VkComputePipelineCreateInfo *extended = malloc(count * sizeof *extended);
  for (uint32_t i = 0; i < count; i++) {
    extended[i] = infos[i];
    extended[i].flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
                         VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
  }
  VkResult result = NEXT(vkCreateComputePipelines)(on, cache, count, extended, allocator, out);
  free(extended);
  for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++) {
    VkPipelineExecutableInfoKHR executable = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, NULL, out[i], 0};
    write_statistics(on, out[i], &executable);
    write_representations(on, &executable);
    write_spirv(&infos[i].stage);
  }
  return result;
}

static PFN_vkVoidFunction ours(const char *name);

static PFN_vkVoidFunction get_device_proc(VkDevice of, const char *name) {
  PFN_vkVoidFunction function = ours(name);
  return function ? function : next_device_proc(of, name);
}

/* The only symbol that Dawn looks up in the library; it asks this function for all others. */
__attribute__((visibility("default"))) PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance of, const char *name) {
  if (!next_instance_proc) {
    void *library = dlopen(getenv("CATGAN_ISA_VULKAN"), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      fprintf(stderr, "vulkan_shim: %s\n", dlerror());
      return NULL;
    }
    next_instance_proc = (PFN_vkGetInstanceProcAddr)dlsym(library, "vkGetInstanceProcAddr");
  }
  PFN_vkVoidFunction function = ours(name);
  return function ? function : next_instance_proc(of, name);
}

static PFN_vkVoidFunction ours(const char *name) {
  static const struct {
    const char *name;
    PFN_vkVoidFunction function;
  } table[] = {
      {"vkGetInstanceProcAddr", (PFN_vkVoidFunction)vkGetInstanceProcAddr},
      {"vkGetDeviceProcAddr", (PFN_vkVoidFunction)get_device_proc},
      {"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
      {"vkCreateDevice", (PFN_vkVoidFunction)create_device},
      {"vkCreateShaderModule", (PFN_vkVoidFunction)create_module},
      {"vkCreateComputePipelines", (PFN_vkVoidFunction)create_pipelines},
      {"vkBeginCommandBuffer", (PFN_vkVoidFunction)succeed},
      {"vkEndCommandBuffer", (PFN_vkVoidFunction)succeed},
      {"vkQueueSubmit", (PFN_vkVoidFunction)succeed},
      {"vkQueueSubmit2", (PFN_vkVoidFunction)succeed},
      {"vkQueueSubmit2KHR", (PFN_vkVoidFunction)succeed},
      {"vkQueueWaitIdle", (PFN_vkVoidFunction)succeed},
      {"vkDeviceWaitIdle", (PFN_vkVoidFunction)succeed},
      {"vkWaitForFences", (PFN_vkVoidFunction)succeed},
      {"vkGetFenceStatus", (PFN_vkVoidFunction)succeed},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (!strcmp(name, table[i].name)) return table[i].function;
  return strncmp(name, "vkCmd", 5) ? NULL : (PFN_vkVoidFunction)succeed;
}
