//! A runtime without a device: it compiles every launch to CUDA source and keeps the source. So
//! kernels can be compiled for a GPU on a machine without one.

use std::sync::{Arc, Mutex, PoisonError};

use cubecl::CubeTask;
use cubecl::ir::{
    ContiguousElements, DeviceProperties, HardwareProperties, MatrixLayout, MemoryDeviceProperties,
    MmaProperties, TargetProperties, VectorSize,
};
use cubecl::prelude::*;
use cubecl::server::{
    Binding, ComputeServer, CopyDescriptor, KernelArguments, ProfileError, ProfilingToken,
    ServerCommunication, ServerError, ServerUtilities,
};
use cubecl::zspace::{Shape, Strides};
use cubecl_common::backtrace::BackTrace;
use cubecl_common::bytes::Bytes;
use cubecl_common::device::{Device, DeviceId, DeviceService, ServerUtilitiesHandle};
use cubecl_common::future::DynFut;
use cubecl_common::profile::{ProfileDuration, TimingMethod};
use cubecl_common::stream_id::StreamId;
use cubecl_cpp::cuda::CudaDialect;
use cubecl_cpp::cuda::mma::{CudaWmmaCompiler, contiguous_elements_cuda};
use cubecl_cpp::register_supported_types;
use cubecl_cpp::shared::{CompilationOptions, CppCompiler, CppSupportedFeatures};
use cubecl_runtime::allocator::ContiguousMemoryLayoutPolicy;
use cubecl_runtime::id::KernelId;
use cubecl_runtime::logging::ServerLogger;
use cubecl_runtime::memory_management::{ManagedMemoryHandle, MemoryAllocationMode, MemoryUsage};
use cubecl_runtime::server::IoError;
use cubecl_runtime::storage::{BytesResource, BytesStorage, ManagedResource};

type CudaCompiler = CppCompiler<CudaDialect<CudaWmmaCompiler>>;

/// A kernel that was launched.
#[derive(Clone, Debug)]
pub struct Source {
    /// Distinguishes kernels. The sources of one kernel differ in names from launch to launch.
    pub id: KernelId,
    /// Name of the function.
    pub name: String,
    /// CUDA source.
    pub source: String,
    /// Units of a cube.
    pub units: u32,
    /// Shared memory of a cube, bytes.
    pub shared_bytes: usize,
    /// Cubes of each launch.
    pub cubes: Vec<[u32; 3]>,
}

/// Kernels in the order of their first launch.
static RECORDED: Mutex<Vec<Source>> = Mutex::new(Vec::new());

/// Takes the kernels that were launched on a [`SourceRuntime`], in the order of their first launch.
#[must_use]
pub fn take(client: &ComputeClient<SourceRuntime>) -> Vec<Source> {
    // The server may run in another thread.
    drop(cubecl_common::future::block_on(client.sync()));
    let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *recorded)
}

/// The runtime.
#[derive(Clone, Debug)]
pub struct SourceRuntime;

/// Its only device.
#[derive(Clone, Debug, Default)]
pub struct NoDevice;

impl Device for NoDevice {
    fn from_id(_: DeviceId) -> Self {
        Self
    }

    fn to_id(&self) -> DeviceId {
        DeviceId::new(0, 0)
    }
}

impl Runtime for SourceRuntime {
    type Compiler = CudaCompiler;
    type Server = SourceServer;
    type Device = NoDevice;

    fn client(device: &NoDevice) -> ComputeClient<Self> {
        ComputeClient::load(device)
    }

    fn name(_: &ComputeClient<Self>) -> &'static str {
        "cuda sources"
    }

    fn require_array_lengths() -> bool {
        true
    }

    fn max_cube_count() -> (u32, u32, u32) {
        (i32::MAX as u32, u16::MAX.into(), u16::MAX.into())
    }

    fn can_read_tensor(_: &Shape, _: &Strides) -> bool {
        true
    }

    fn target_properties() -> TargetProperties {
        TargetProperties {
            mma: MmaProperties {
                register_size_bits: 32,
                const_plane_size: 32,
                register_layout_a: MatrixLayout::RowMajor,
                register_layout_b: MatrixLayout::ColMajor,
                register_layout_acc: MatrixLayout::RowMajor,
                register_duplication_a: 1,
                register_duplication_b: 1,
                register_duplication_acc: 1,
                contiguous_elements: ContiguousElements::new(contiguous_elements_cuda),
            },
        }
    }

    fn enumerate_devices(_: u16, (): &()) -> Vec<DeviceId> {
        vec![NoDevice.to_id()]
    }
}

/// A server that stores nothing and reads zeros.
#[derive(Debug)]
pub struct SourceServer {
    utilities: Arc<ServerUtilities<Self>>,
}

impl DeviceService for SourceServer {
    fn init(_: DeviceId) -> Self {
        let hardware = HardwareProperties {
            load_width: 128,
            plane_size_min: 32,
            plane_size_max: 32,
            max_bindings: 1024,
            max_shared_memory_size: 48 << 10,
            max_cube_count: SourceRuntime::max_cube_count(),
            max_units_per_cube: 1024,
            max_cube_dim: (1024, 1024, 64),
            num_streaming_multiprocessors: None,
            num_tensor_cores: None,
            min_tensor_cores_dim: None,
            num_cpu_cores: None,
            max_vector_size: VectorSize::MAX,
        };
        let memory = MemoryDeviceProperties { max_page_size: 1 << 40, alignment: 512 };
        let mut properties =
            DeviceProperties::new(Default::default(), memory, hardware, TimingMethod::System);
        register_supported_types(&mut properties);
        let logger = Arc::new(ServerLogger::default());
        let policy = ContiguousMemoryLayoutPolicy::new(512);
        Self { utilities: Arc::new(ServerUtilities::new(properties, logger, (), policy)) }
    }

    fn utilities(&self) -> ServerUtilitiesHandle {
        self.utilities.clone()
    }
}

impl ServerCommunication for SourceServer {
    const SERVER_COMM_ENABLED: bool = false;
}

fn unsupported() -> ServerError {
    IoError::UnsupportedIoOperation { backtrace: BackTrace::capture() }.into()
}

impl ComputeServer for SourceServer {
    type Kernel = Box<dyn CubeTask<CudaCompiler>>;
    type Storage = BytesStorage;
    type MemoryLayoutPolicy = ContiguousMemoryLayoutPolicy;
    type Info = ();

    fn initialize_memory(&mut self, _: ManagedMemoryHandle, _: u64, _: StreamId) {}

    fn logger(&self) -> Arc<ServerLogger> {
        self.utilities.logger.clone()
    }

    fn utilities(&self) -> Arc<ServerUtilities<Self>> {
        self.utilities.clone()
    }

    fn read(
        &mut self,
        descriptors: Vec<CopyDescriptor>,
        _: StreamId,
    ) -> DynFut<Result<Vec<Bytes>, ServerError>> {
        let zeros =
            |d: CopyDescriptor| Bytes::from_bytes_vec(vec![0; d.handle.size_in_used() as usize]);
        let bytes = descriptors.into_iter().map(zeros).collect();
        Box::pin(async move { Ok(bytes) })
    }

    fn write(&mut self, _: Vec<(CopyDescriptor, Bytes)>, _: StreamId) {}

    fn sync(&mut self, _: StreamId) -> DynFut<Result<(), ServerError>> {
        Box::pin(async { Ok(()) })
    }

    fn get_resource(
        &mut self,
        _: Binding,
        _: StreamId,
    ) -> Result<ManagedResource<BytesResource>, ServerError> {
        Err(unsupported())
    }

    // The trait declares the function so; it only compiles.
    unsafe fn launch(
        &mut self,
        kernel: Self::Kernel,
        count: CubeCount,
        _: KernelArguments,
        mode: ExecutionMode,
        _: StreamId,
    ) {
        let options = CompilationOptions {
            supports_features: CppSupportedFeatures {
                fast_math: true,
                grid_constants: true,
                ..Default::default()
            },
            ..Default::default()
        };
        let cubes = match count {
            CubeCount::Static(x, y, z) => [x, y, z],
            CubeCount::Dynamic(_) => [0; 3],
        };
        let id = kernel.id();
        let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = recorded.iter_mut().find(|source| source.id == id) {
            return known.cubes.push(cubes);
        }
        let mut compiler = CudaCompiler::default();
        let compiled = kernel.compile(&mut compiler, &options, mode, kernel.address_type());
        let (name, source, shared_bytes, units) = match compiled {
            Ok(compiled) => {
                let shared = compiled.repr.map_or(0, |repr| repr.shared_memory_size());
                (compiled.entrypoint_name, compiled.source, shared, compiled.cube_dim.num_elems())
            }
            Err(error) => (kernel.name().to_owned(), format!("#error \"{error:?}\""), 0, 0),
        };
        recorded.push(Source { id, name, source, units, shared_bytes, cubes: vec![cubes] });
    }

    fn flush(&mut self, _: StreamId) -> Result<(), ServerError> {
        Ok(())
    }

    fn memory_usage(&mut self, _: StreamId) -> Result<MemoryUsage, ServerError> {
        Err(unsupported())
    }

    fn memory_cleanup(&mut self, _: StreamId) {}

    fn start_profile(&mut self, _: StreamId) -> Result<ProfilingToken, ServerError> {
        Err(unsupported())
    }

    fn end_profile(
        &mut self,
        _: StreamId,
        _: ProfilingToken,
    ) -> Result<ProfileDuration, ProfileError> {
        Err(ProfileError::NotRegistered { backtrace: BackTrace::capture() })
    }

    fn allocation_mode(&mut self, _: MemoryAllocationMode, _: StreamId) {}
}
