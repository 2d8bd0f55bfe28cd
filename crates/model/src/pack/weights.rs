//! Named parameters: what a network needs, and the tensors that fill it.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use crate::ModelError;
use crate::roles::Role;

/// How a parameter starts before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All zero: the layer does nothing at first.
    Zeros,
    /// All one: a norm that scales nothing at first.
    Ones,
    /// All this value.
    Constant(f32),
    /// Normal with this standard deviation.
    Normal(f32),
    /// Normal with this standard deviation, drawn again where it lies further than two of them from 0, as the
    /// papers' code starts its convolutions.
    TruncatedNormal(f32),
}

/// One parameter that a network needs.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Dotted name, the key in files.
    pub name: String,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Its start.
    pub init: Init,
}

impl Parameter {
    /// One of this name, shape and start.
    pub fn new(name: impl Into<String>, shape: &[usize], init: Init) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), init }
    }

    /// A weight matrix (last dimension: outputs) drawn as He et al. propose for ReLU networks.
    pub fn weight(name: impl Into<String>, shape: &[usize]) -> Self {
        let fan_in: usize = shape[..shape.len() - 1].iter().product();
        Self::new(name, shape, Init::Normal((2.0 / fan_in as f32).sqrt()))
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True for a shape without values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The parameters that a network declared, handed out by their names without the prefix.
pub(crate) struct Declared<'a> {
    weights: &'a Weights,
    prefix: String,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl<'a> Declared<'a> {
    /// `prefix` is what all names in `parameters` begin with.
    pub(crate) fn new(weights: &'a Weights, prefix: String, parameters: Vec<Parameter>) -> Self {
        Self { weights, prefix, shapes: parameters.into_iter().map(|p| (p.name, p.shape)).collect() }
    }

    /// The parameter `name`, which must have the shape that was declared.
    pub(crate) fn get(&self, name: &str) -> Result<Tensor, ModelError> {
        let name = format!("{}{name}", self.prefix);
        let shape = self.shapes.get(&name).map(Vec::as_slice).unwrap_or(&[]);
        self.weights.get(&name, shape)
    }
}

/// Tensors by name, in name order. They may be plain (a pack) or variables (training).
#[derive(Clone, Debug, Default)]
pub struct Weights(BTreeMap<String, Tensor>);

impl Weights {
    /// No parameters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one parameter.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.0.insert(name.into(), tensor);
    }

    /// The parameter `name`, which must have this shape.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let fault = match self.0.get(name) {
            Some(tensor) if tensor.dims() == shape => return Ok(tensor.clone()),
            Some(tensor) => format!("has shape {:?} where {:?} is needed", tensor.dims(), shape),
            None => "is missing".to_string(),
        };
        Err(ModelError::Parameter { name: name.to_string(), fault })
    }

    /// The parameter `name`, of whatever shape.
    pub(crate) fn named(&self, name: &str) -> Result<Tensor, ModelError> {
        let missing = || ModelError::Parameter { name: name.to_string(), fault: "is missing".to_string() };
        self.0.get(name).cloned().ok_or_else(missing)
    }

    /// The tensor of this name, whatever its shape.
    pub(crate) fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// The parameters of a part, called as the part itself calls them: a transfer's without the prefix.
    pub fn part(&self, role: Role) -> Self {
        let own = |name: &String| {
            let rest = name.strip_prefix(role.prefix())?;
            // A classifier's own names begin with the prefix.
            Some(if role == Role::Classifier { name.clone() } else { rest.to_string() })
        };
        Self(self.0.iter().filter_map(|(name, tensor)| Some((own(name)?, tensor.clone()))).collect())
    }

    /// All parameters in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.0.iter()
    }

    /// The same values on `device`.
    pub fn to_device(&self, device: &Device) -> Result<Self, ModelError> {
        let moved = |(name, tensor): (&String, &Tensor)| Ok((name.clone(), tensor.to_device(device)?));
        Ok(Self(self.0.iter().map(moved).collect::<Result<_, ModelError>>()?))
    }

    /// The same values outside the gradient's graph: a network that is asked and not trained.
    pub fn detached(&self) -> Self {
        Self(self.0.iter().map(|(name, tensor)| (name.clone(), tensor.detach())).collect())
    }
}

impl<'a> FromIterator<(&'a String, &'a Var)> for Weights {
    fn from_iter<I: IntoIterator<Item = (&'a String, &'a Var)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect())
    }
}
