import pluggy

from .dataset import Dataset as Dataset
from .degradation import Degradation as Degradation
from .degradation import Received as Received
from .degradation import Shipment as Shipment
from .errors import CellFailure as CellFailure
from .errors import RequestError as RequestError
from .metric import Metric as Metric
from .metric import Score as Score
from .metric import SetMetric as SetMetric
from .model import ArrayModel as ArrayModel
from .model import Condition as Condition
from .model import Model as Model
from .model import Sample as Sample
from .params import Param as Param
from .task import COLORIZATION as COLORIZATION
from .task import INVERTIBLE_GRAYSCALE as INVERTIBLE_GRAYSCALE
from .task import STEGANOGRAPHY as STEGANOGRAPHY
from .torch_model import TorchModel as TorchModel

__version__: str
hookimpl: pluggy.HookimplMarker
